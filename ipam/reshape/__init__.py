"""Change how an address space is divided: verbs that concern several subnets at once."""
