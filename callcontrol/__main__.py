"""``python -m callcontrol`` is the command ``callcontrol``."""

from callcontrol.cli import main

main()
