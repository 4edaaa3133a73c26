"""The storey for people and scripts: command line, local stack, archives, simulator, contract
tools.
"""
