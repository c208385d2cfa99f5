# Start server
./ippool --network 172.16.0 --gateway 172.16.0.1 &

# Allocate IP for VM
VM_IP=$(curl -s -X POST http://localhost:8080/api/v1/ip/allocate \
  -H "Content-Type: application/json" \
  -d "{\"vm_id\":\"$VM_ID\"}" | jq -r .ip)

# Use IP in VM setup...

# Release IP on cleanup
curl -X DELETE http://localhost:8080/api/v1/ip/release/$VM_ID
