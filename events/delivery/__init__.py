"""How far each kind of delivery has come, and which node delivers."""
