"""Network boot: which server boots which image, and what each machine has done on its way up.

/boot.ipxe -> identify the client -> decide (assignment, menu or local disk) -> plain records ->
typed iPXE commands -> script. Every step a machine takes afterwards becomes a BootEvent."""
