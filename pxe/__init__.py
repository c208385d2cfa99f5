"""The usher: which machine boots what.

a machine asks /boot.ipxe -> who is it -> what is due -> records -> commands -> script; what happens
next is noted"""
