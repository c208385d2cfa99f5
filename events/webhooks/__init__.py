"""Events as signed HTTP requests to receivers that people name."""
