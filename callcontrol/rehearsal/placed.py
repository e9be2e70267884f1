"""What a SIP call that FreeSWITCH places looks like in channel variables: names and order as 1.10.12 sends them.

Recorded from a running FreeSWITCH calling a SIP responder through a gateway. The counterpart of template.py. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from callcontrol.rehearsal.encoding import Header
from callcontrol.rehearsal.names import CAUSES, SIP_CAUSES
from callcontrol.rehearsal.template import CODEC, HOST, PHONE_PORT, PROFILE_PORT

PHRASES = {404: "Not Found", 480: "Temporarily Unavailable", 484: "Address Incomplete", 486: "Busy Here"}
PHRASES |= {488: "Not Acceptable Here", 502: "Bad Gateway", 503: "Service Unavailable", 603: "Decline"}
STATUS = {cause: status for status, cause in SIP_CAUSES.items() if status in PHRASES}
ANONYMOUS = "0000000000"  # switch_types.h SWITCH_DEFAULT_CLID_NUMBER; the default name is empty


@dataclass(frozen=True)
class Placed:
    """One INVITE of FreeSWITCH's own: whom it calls, by which door, and as whom.

    number, name: the caller id the callee is shown. gateway: "" for a contact of the door itself. given: variables of
    the dial string, in the order they end up on the channel.
    """

    dialled: str
    uuid: str
    session_id: int
    created: int  # microseconds since 1970
    number: str
    name: str
    door: str = "trunk"
    gateway: str = ""
    host: str = ""  # of a contact: host and port, with what follows
    given: Sequence[Header] = ()

    direction = "outbound"
    source = "src/switch_ivr_originate.c"
    context = "default"
    dialplan = ""
    username = ""
    hidden = False

    @property
    def user(self) -> str:
        """The number the callee is shown."""
        return self.number

    @property
    def display(self) -> str:
        """The name the callee is shown, often empty."""
        return self.name

    @property
    def channel_name(self) -> str:
        """FreeSWITCH's name of the channel: a contact with its address, a number behind a gateway without."""
        return f"sofia/{self.door}/{self.dialled}" + (f"@{self.host.partition(';')[0]}" if self.host else "")

    @property
    def _uri(self) -> str:
        return f"{self.dialled}@{self.host or f'{HOST}:{PHONE_PORT}'}"

    def variables(self) -> list[Header]:
        """The variables of the channel when its INVITE is out."""
        gateway: list[Header] = []
        if self.gateway:
            gateway = [("sip_gateway_name", self.gateway), ("sip_invite_domain", HOST)]
        contact = f"gw+{self.gateway}" if self.gateway else "mod_sofia"
        port = self._own_port
        return [
            ("direction", "outbound"),
            ("is_outbound", "true"),
            ("uuid", self.uuid),
            ("call_uuid", self.uuid),
            ("session_id", str(self.session_id)),
            *gateway,
            ("sip_profile_name", "gateway" if self.gateway else self.door),
            ("video_media_flow", "disabled"),
            ("text_media_flow", "disabled"),
            ("channel_name", self.channel_name),
            ("sip_destination_url", f"sip:{self._uri}"),
            *self.given,
            ("rtp_use_codec_string", "PCMA,PCMU"),
            ("local_media_ip", HOST),
            ("local_media_port", str(self._port)),
            ("advertised_media_ip", HOST),
            ("audio_media_flow", "sendrecv"),
            ("rtp_local_sdp_str", self._offer()),
            ("sip_outgoing_contact_uri", f"<sip:{contact}@{HOST}:{port}>"),
            ("sip_req_uri", self._uri),
            ("sip_to_host", self._uri.partition(";")[0].partition("@")[2]),
            ("sip_from_host", HOST),
            ("sofia_profile_name", self.door),
            ("recovery_profile_name", self.door),
            ("sofia_profile_url", f"sip:mod_sofia@{HOST}:{port}"),
            ("sip_local_network_addr", HOST),
            ("sip_call_id", f"call-{self.uuid}"),
        ]

    def responded(self) -> list[Header]:
        """The variables the first answer brings that has a contact: 18x."""
        shown = f'"{self.name}" ' if self.name else ""
        user, _, address = self._uri.partition(";")[0].partition("@")
        host, _, port = address.partition(":")
        via = f"SIP/2.0/UDP {HOST}:{self._own_port};rport;branch=z9hG4bK{self.session_id}"
        return [
            *self._replied(),
            ("sip_recover_contact", f"<sip:{user}@{address}>"),
            ("sip_full_via", via),
            ("sip_recover_via", via),
            *([("sip_from_display", self.name)] if self.name else []),
            ("sip_full_from", f"{shown}<sip:{self.number}@{HOST}>;tag=from-{self.session_id}"),
            ("sip_full_to", f"<sip:{self._uri}>;tag=to-{self.session_id}"),
            ("sip_from_user", self.number),
            ("sip_from_uri", f"{self.number}@{HOST}"),
            ("sip_from_host", HOST),
            ("sip_to_user", user),
            ("sip_to_port", port),
            ("sip_to_uri", f"{user}@{address}"),
            ("sip_to_host", host),
            ("sip_contact_user", user),
            ("sip_contact_port", port),
            ("sip_contact_uri", f"{user}@{address}"),
            ("sip_contact_host", host),
            ("sip_to_tag", f"to-{self.session_id}"),
            ("sip_from_tag", f"from-{self.session_id}"),
            ("sip_cseq", str(10_000 + self.session_id)),
            ("sip_call_id", f"call-{self.uuid}"),
        ]

    def _replied(self) -> list[Header]:
        return [
            ("sip_reply_host", HOST),
            ("sip_reply_port", str(PHONE_PORT)),
            ("sip_network_ip", HOST),
            ("sip_network_port", str(PHONE_PORT)),
        ]

    def media(self) -> list[Header]:
        """The variables the first media brings (183 or 200)."""
        return [
            (
                "switch_r_sdp",
                f"v=0\r\no=- {self.session_id} {self.session_id} IN IP4 {HOST}\r\ns=pjmedia\r\nc=IN IP4 {HOST}\r\n"
                "t=0 0\r\nm=audio 4000 RTP/AVP 8 120\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:120 telephone-event/8000\r\n",
            ),
            ("ep_codec_string", "CORE_PCM_MODULE.PCMA@8000h@20i@64000b"),
            ("remote_video_media_flow", "inactive"),
            ("remote_text_media_flow", "inactive"),
            ("remote_audio_media_flow", "sendrecv"),
            ("rtp_audio_recv_pt", "8"),
            *CODEC,
            ("dtmf_type", "rfc2833"),
            ("local_media_ip", HOST),
            ("local_media_port", str(self._port)),
            ("advertised_media_ip", HOST),
            ("rtp_use_timer_name", "soft"),
            ("rtp_use_pt", "8"),
            ("rtp_use_ssrc", str(1_000_000 + self.session_id)),
            ("rtp_2833_send_payload", "120"),
            ("rtp_2833_recv_payload", "120"),
            ("remote_media_ip", HOST),
            ("remote_media_port", "4000"),
        ]

    def refused(self, cause: str) -> list[Header]:
        """The variables a final answer from 300 on brings."""
        status = STATUS.get(cause, 480)
        return [
            *self._replied(),
            ("sip_hangup_disposition", "recv_refuse"),
            ("sip_invite_failure_status", str(status)),
            ("sip_invite_failure_phrase", PHRASES[status]),
            ("sip_term_status", str(status)),
            ("proto_specific_hangup_cause", f"sip:{status}"),
            ("sip_term_cause", str(CAUSES.get(cause, 16))),
        ]

    def cancelled(self) -> list[Header]:
        """The variables our CANCEL of a ringing call leaves."""
        return [("sip_invite_failure_status", "487"), ("sip_invite_failure_phrase", "CANCEL")]

    def acknowledged(self) -> list[Header]:
        """The ACK is ours: it brings nothing new."""
        return []

    @property
    def _own_port(self) -> int:
        return PROFILE_PORT.get(self.door, 5080)

    @property
    def _port(self) -> int:
        return 20000 + 2 * (self.session_id % 5000)

    def _offer(self) -> str:
        return (
            f"v=0\r\no=FreeSWITCH {self.session_id} {self.session_id + 1} IN IP4 {HOST}\r\ns=FreeSWITCH\r\n"
            f"c=IN IP4 {HOST}\r\nt=0 0\r\nm=audio {self._port} RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\n"
            "a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n"
            "a=ptime:20\r\na=sendrecv\r\n"
        )
