"""Tenants: YAML files in, a frozen model or every fault at once out; files are read again when they change."""

from callcontrol.tenants.blocks import BlockClass, BlockProfile
from callcontrol.tenants.extension import (
    Extension,
    Forwarding,
    ForwardingProfile,
    NoAnswer,
    Selective,
    Source,
    Voicemail,
)
from callcontrol.tenants.fields import Target
from callcontrol.tenants.folder import check_paths, load_folder
from callcontrol.tenants.keys import DEFAULT_KEYS, KeyAction
from callcontrol.tenants.model import Number, Tenant
from callcontrol.tenants.problem import Problem
from callcontrol.tenants.room import Access, Admission, AfterModerator, Announce, DialOut, DialOutWhen, Record, Room
from callcontrol.tenants.schedule import Repeat, Schedule
from callcontrol.tenants.schema import json_schema
from callcontrol.tenants.snapshot import Tenants
from callcontrol.tenants.store import TenantStore
from callcontrol.tenants.tariff import Rounding, Tariff

__all__ = [
    "DEFAULT_KEYS",
    "Access",
    "Admission",
    "AfterModerator",
    "Announce",
    "BlockClass",
    "BlockProfile",
    "DialOut",
    "DialOutWhen",
    "Extension",
    "Forwarding",
    "ForwardingProfile",
    "KeyAction",
    "NoAnswer",
    "Number",
    "Problem",
    "Record",
    "Repeat",
    "Room",
    "Rounding",
    "Schedule",
    "Selective",
    "Source",
    "Target",
    "Tariff",
    "Tenant",
    "TenantStore",
    "Tenants",
    "Voicemail",
    "check_paths",
    "json_schema",
    "load_folder",
]
