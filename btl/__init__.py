"""What people and scripts talk to: the command line, the one-machine stack, archives, the
simulator, contract evolution.
"""
