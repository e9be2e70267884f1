"""callcontrol: a self-hosted conference and PBX service on FreeSWITCH."""

__version__ = "0.1.0"
