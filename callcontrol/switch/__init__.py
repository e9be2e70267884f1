"""The only door to FreeSWITCH, and the only user of greenswitch.

``framing`` and ``events`` turn bytes into frames and events (pure), ``_greenswitch`` makes greenswitch's protocol
safe, ``connection`` adds commands and completions, ``call`` is one caller's conversation, ``server`` accepts calls,
``link`` is the inbound connection to a switch, ``literals`` guards every text that becomes a FreeSWITCH argument.
"""
