curl -X POST http://localhost:8080/api/v1/ip/allocate \
  -H "Content-Type: application/json" \
  -d '{"vm_id": "srv-abc123", "hostname": "my-vm"}'
