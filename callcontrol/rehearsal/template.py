"""What an ordinary SIP call looks like in channel variables: names and order as FreeSWITCH 1.10.12 sends them.

Recorded from a running FreeSWITCH; a caller, a number and ports are filled in. Pure: no switch, no socket.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from callcontrol.rehearsal.encoding import Header

HOST = "127.0.0.1"
PHONE_PORT = 5999
_ALLOW = "PRACK, INVITE, ACK, BYE, CANCEL, UPDATE, INFO, SUBSCRIBE, NOTIFY, REFER, MESSAGE, OPTIONS"
CODEC: list[Header] = [
    ("rtp_use_codec_name", "PCMA"),
    ("rtp_use_codec_rate", "8000"),
    ("rtp_use_codec_ptime", "20"),
    ("rtp_use_codec_channels", "1"),
    ("rtp_last_audio_codec_string", "PCMA@8000h@20i@1c"),
    ("read_codec", "PCMA"),
    ("original_read_codec", "PCMA"),
    ("read_rate", "8000"),
    ("original_read_rate", "8000"),
    ("write_codec", "PCMA"),
    ("write_rate", "8000"),
]
PROFILE_PORT = {"trunk": 5080, "extensions": 5060}


@dataclass(frozen=True)
class Dialled:
    """One INVITE: who calls whom through which door, and what hostile text comes with it.

    number: the caller's number as the far end asserts it; ``""`` for none. withheld: asserted, but ``Privacy: id``.
    extension: ``33@acme.example`` when FreeSWITCH authenticated the caller. headers: SIP headers by name.
    """

    number: str
    dialled: str = ""
    uuid: str = ""
    session_id: int = 0
    created: int = 0  # microseconds since 1970
    name: str = ""
    withheld: bool = False
    door: str = "trunk"
    extension: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    direction = "inbound"
    source = "mod_sofia"
    dialplan = "XML"

    @property
    def context(self) -> str:
        """The dialplan context its door leads into."""
        return self.door

    @property
    def username(self) -> str:
        """What FreeSWITCH shows as the caller's user name."""
        return self.user

    @property
    def user(self) -> str:
        """The caller's number, or what FreeSWITCH puts where there is none."""
        return self.number or "anonymous"

    @property
    def display(self) -> str:
        """The display name of the caller; FreeSWITCH shows the number where the phone sent none."""
        return self.name or ("Anonymous" if not self.number else self.number)

    @property
    def hidden(self) -> bool:
        """Whether the far end asked for privacy."""
        return self.withheld or not self.number

    @property
    def channel_name(self) -> str:
        """FreeSWITCH's name of the channel."""
        return f"sofia/{self.door}/{self.user}@{HOST}"

    def variables(self) -> list[Header]:
        """The variables of the call when the dialplan sees it, before any media."""
        return [*_origin(self), *_identity(self), *_request(self), *_extra(self), *_media(self)]

    def media(self) -> list[Header]:
        """The variables the first media brings (pre_answer or answer), in FreeSWITCH's order."""
        return _media_started(self)

    def responded(self) -> list[Header]:
        """Nothing: it is we who respond."""
        return []

    def acknowledged(self) -> list[Header]:
        """The variables that appear with the 200 OK's ACK, after CHANNEL_ANSWER."""
        return _acknowledged(self)


def _origin(call: Dialled) -> list[Header]:
    port = PROFILE_PORT.get(call.door, 5080)
    uri = f"{call.user}@{HOST}"
    return [
        ("direction", "inbound"),
        ("uuid", call.uuid),
        ("session_id", str(call.session_id)),
        ("sip_from_user", call.user),
        ("sip_from_uri", uri),
        ("sip_from_host", HOST),
        ("video_media_flow", "disabled"),
        ("text_media_flow", "disabled"),
        ("channel_name", call.channel_name),
        ("sip_call_id", f"call-{call.uuid}"),
        ("sip_local_network_addr", HOST),
        ("sip_network_ip", HOST),
        ("sip_network_port", str(PHONE_PORT)),
        ("sip_invite_stamp", str(call.created)),
        ("sip_received_ip", HOST),
        ("sip_received_port", str(PHONE_PORT)),
        ("sip_via_protocol", "udp"),
        *_authorized(call),
        ("sip_from_user_stripped", call.user.removeprefix("+")),
        ("sip_from_tag", f"from-{call.session_id}"),
        ("sofia_profile_name", call.door),
        ("sofia_profile_url", f"sip:mod_sofia@{HOST}:{port}"),
        ("recovery_profile_name", call.door),
    ]


def _authorized(call: Dialled) -> list[Header]:
    if call.extension is None:
        return []
    user, _, domain = call.extension.partition("@")
    return [
        ("sip_authorized", "true"),
        ("sip_number_alias", user),
        ("sip_auth_username", user),
        ("sip_auth_realm", domain),
        ("number_alias", user),
        ("user_name", user),
        ("domain_name", domain),
        ("presence_id", call.extension),
        ("effective_caller_id_number", user),
    ]


def _identity(call: Dialled) -> list[Header]:
    asserted: list[Header] = []
    if call.number and call.door == "trunk":
        asserted = [("sip_P-Asserted-Identity", call.number), ("sip_cid_type", "pid")]
    display: list[Header] = [("sip_from_display", call.display)] if call.name or not call.number else []
    return [*asserted, ("sip_full_via", _via(call, "1")), *display, ("sip_full_from", _from(call))]


def _request(call: Dialled) -> list[Header]:
    port = PROFILE_PORT.get(call.door, 5080)
    contact = f"{call.user}@{HOST}:{PHONE_PORT}"
    return [
        ("sip_full_to", f"sip:{call.dialled}@{HOST}"),
        ("sip_allow", _ALLOW),
        ("sip_req_user", call.dialled),
        ("sip_req_port", str(port)),
        ("sip_req_uri", f"{call.dialled}@{HOST}:{port}"),
        ("sip_req_host", HOST),
        ("sip_to_user", call.dialled),
        ("sip_to_uri", f"{call.dialled}@{HOST}"),
        ("sip_to_host", HOST),
        ("sip_contact_params", "ob"),
        ("sip_contact_user", call.user),
        ("sip_contact_port", str(PHONE_PORT)),
        ("sip_contact_uri", contact),
        ("sip_contact_host", HOST),
        ("sip_via_host", HOST),
        ("sip_via_port", str(PHONE_PORT)),
        ("sip_via_rport", str(PHONE_PORT)),
        ("max_forwards", "70"),
    ]


def _extra(call: Dialled) -> list[Header]:
    found: list[Header] = [("sip_Privacy", "id")] if call.hidden else []
    for name, value in call.headers.items():
        known = name.lower().startswith(("x-", "p-", "diversion"))  # sofia.c:11525
        found.append((f"sip_h_{name}" if known else f"sip_{name}", value))
    return found


def _media(call: Dialled) -> list[Header]:
    offer = (
        f"v=0\r\no=- {call.session_id} {call.session_id} IN IP4 {HOST}\r\ns=pjmedia\r\nb=AS:84\r\nt=0 0\r\n"
        f"a=X-nat:0\r\nm=audio 4000 RTP/AVP 8 120\r\nc=IN IP4 {HOST}\r\nb=TIAS:64000\r\na=rtpmap:8 PCMA/8000\r\n"
        f"a=rtpmap:120 telephone-event/8000\r\na=fmtp:120 0-16\r\na=rtcp:4001 IN IP4 {HOST}\r\n"
    )
    return [
        ("switch_r_sdp", offer),
        ("ep_codec_string", "CORE_PCM_MODULE.PCMA@8000h@20i@64000b"),
        ("rtp_use_codec_string", "PCMA,PCMU"),
        ("remote_video_media_flow", "inactive"),
        ("remote_text_media_flow", "inactive"),
        ("remote_audio_media_flow", "sendrecv"),
        ("audio_media_flow", "sendrecv"),
        ("rtp_remote_audio_rtcp_port", "4001"),
        ("remote_media_ip", HOST),
        ("remote_media_port", "4000"),
        ("rtp_audio_recv_pt", "8"),
        *CODEC,
        ("dtmf_type", "rfc2833"),
        ("endpoint_disposition", "RECEIVED"),
    ]


def _media_started(call: Dialled) -> list[Header]:
    port = 20000 + 2 * (call.session_id % 5000)
    answer = (
        f"v=0\r\no=FreeSWITCH {call.session_id} {call.session_id + 1} IN IP4 {HOST}\r\ns=FreeSWITCH\r\n"
        f"c=IN IP4 {HOST}\r\nt=0 0\r\nm=audio {port} RTP/AVP 8 120\r\na=rtpmap:8 PCMA/8000\r\n"
        f"a=rtpmap:120 telephone-event/8000\r\na=fmtp:120 0-15\r\na=ptime:20\r\na=sendrecv\r\n"
        f"a=rtcp:{port + 1} IN IP4 {HOST}\r\n"
    )
    return [
        ("rtp_local_sdp_str", answer),
        ("local_media_ip", HOST),
        ("local_media_port", str(port)),
        ("advertised_media_ip", HOST),
        ("rtp_use_timer_name", "soft"),
        ("rtp_use_pt", "8"),
        ("rtp_use_ssrc", str(1_000_000 + call.session_id)),
        ("rtp_2833_send_payload", "120"),
        ("rtp_2833_recv_payload", "120"),
        ("remote_media_ip", HOST),
        ("remote_media_port", "4000"),
    ]


def _acknowledged(call: Dialled) -> list[Header]:
    display: list[Header] = [("sip_from_display", call.display)] if call.name or not call.number else []
    return [
        ("sip_to_tag", f"to-{call.session_id}"),
        ("sip_from_tag", f"from-{call.session_id}"),
        ("sip_cseq", str(10_000 + call.session_id)),
        ("sip_call_id", f"call-{call.uuid}"),
        ("sip_full_via", _via(call, "2")),
        *display,
        ("sip_full_from", _from(call)),
        ("sip_full_to", f"sip:{call.dialled}@{HOST};tag=to-{call.session_id}"),
    ]


def _via(call: Dialled, branch: str) -> str:
    return f"SIP/2.0/UDP {HOST}:{PHONE_PORT};rport={PHONE_PORT};branch=z9hG4bKPj{call.session_id}-{branch}"


def _from(call: Dialled) -> str:
    name = f'"{call.display}" ' if call.name or not call.number else ""
    return f"{name}<sip:{call.user}@{HOST}>;tag=from-{call.session_id}"
