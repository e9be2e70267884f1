"""``callcontrol demo``: everything on one machine and on loopback, to try the product in a minute.

With FreeSWITCH: that, with our configuration, and a daemon; any SIP phone may call. Without: the rehearsal switch, and
a telephone in the terminal. ``runner`` starts, watches and stops; ``telephone`` is the terminal's telephone.
"""
