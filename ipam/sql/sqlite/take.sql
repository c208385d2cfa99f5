-- Give the chosen row to its holder. Parameters: chosen (key), vm_id, hostname, mac_address.

UPDATE ip_addresses SET
    status = 'allocated', vm_id = %(vm_id)s, hostname = %(hostname)s,
    mac_address = %(mac_address)s, freed_at = NULL,
    updated_at = strftime('%%Y-%%m-%%d %%H:%%M:%%f000', 'now')
WHERE id = %(chosen)s;
