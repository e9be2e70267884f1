"""One real SIP phone as a process of its own, driven by JSON lines: commands on stdin, reports on stdout.

It makes or takes one call at a time on 127.0.0.1, speaks one tone into it, and records what it hears to a WAV file
that grows while the call lasts. It decides nothing: what should have happened is judged by ``phones.py``. A process of
its own because PJSIP keeps global state and the wheel allows four calls per process, and because a crash in C then
ends one phone, not the test run.

Commands   {"do": "register", "account": URI, "proxy": URI, "user": NAME, "password": TEXT}
           {"do": "unregister"}
           {"do": "call", "to": URI, "from": NAME-ADDR, "headers": [[NAME, VALUE], ...]}
           {"do": "answer", "code": INT}   {"do": "hangup"}   {"do": "quit"}
           {"do": "keys", "digits": TEXT, "by": "rfc2833"|"info"}   {"do": "tone", "hz": INT}
Reports    {"what": WORD, "at": SECONDS, ...} with WORD one of ready, registered, incoming, calling, ringing, early,
           confirmed, disconnected, recording, key, waiting,
           fault; ``at`` is CLOCK_MONOTONIC, which all processes share.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import sys
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import pjsua2 as pj

RATE = 8000  # Hz; G.711 carries no more
KEY_MS = 100  # one key
GAP_MS = 80  # between two keys: FreeSWITCH and people need a pause
TURN_MS = 20  # longest wait inside PJSIP before stdin is looked at again
TONE_VOLUME = 412  # of 32767: -38 dBFS; a prompt (-20) stays recognisable under several of them
FIRST_RTP_PORT = 40000  # above FreeSWITCH's usual range; PJSIP tries the next pair when one is taken


REPORTS = os.dup(1)  # our own way out: PJSIP prints to stdout now and then, that goes to stderr
os.dup2(2, 1)


def report(what: str, **details: object) -> None:
    """Tell the parent. A vanished parent ends the phone through stdin, so a broken pipe here is nothing."""
    line = json.dumps({"what": what, "at": time.monotonic(), **details})
    with contextlib.suppress(BrokenPipeError):
        os.write(REPORTS, line.encode() + b"\n")


def guarded(method: Callable[..., None]) -> Callable[..., None]:
    """A Python exception must not travel through PJSIP's C++ (it would abort the process): report it instead."""

    def call(*args: Any) -> None:
        try:
            method(*args)
        except Exception as error:  # noqa: BLE001 - the border to C++
            report("fault", text=f"{method.__name__}: {error!r}")

    return call


class Call(pj.Call):  # type: ignore[misc]  # pjsua2 has no types
    """The phone's one call: reports each change of state, connects tone and recorder when there is sound."""

    def __init__(self, phone: Phone, call_id: int = pj.PJSUA_INVALID_ID) -> None:
        super().__init__(phone.account, call_id)
        self.phone = phone
        self.reason = ""
        self.recorder: Any = None

    def _note_reason(self, event: Any) -> None:
        """Keep the Reason header (RFC 3326) of the message that may end the call."""
        tsx = event.body.tsxState
        if event.type == pj.PJSIP_EVENT_TSX_STATE and tsx.type == pj.PJSIP_EVENT_RX_MSG:
            found = re.search(r"(?im)^Reason:[ \t]*([^\r\n]*)", tsx.src.rdata.wholeMsg)
            self.reason = found.group(1) if found else self.reason

    @guarded
    def onCallTsxState(self, prm: Any) -> None:  # noqa: N802  PJSIP's name
        """A BYE is told here before the state changes."""
        self._note_reason(prm.e)

    @guarded
    def onCallState(self, prm: Any) -> None:  # noqa: N802
        """Tell the parent where the call stands. A refusal's answer is told here only."""
        self._note_reason(prm.e)
        if self.phone.call is not self:
            return  # refused as busy
        info = self.getInfo()
        code = int(info.lastStatusCode)
        if info.state == pj.PJSIP_INV_STATE_CALLING:
            report("calling", call_id=info.callIdString)
        elif info.state == pj.PJSIP_INV_STATE_EARLY:
            report("ringing" if code == 180 else "early", code=code)
        elif info.state == pj.PJSIP_INV_STATE_CONFIRMED:
            report("confirmed", call_id=info.callIdString)
        elif info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            self.recorder = None  # closes the file
            self.phone.ended(self)
            report("disconnected", code=code, text=info.lastReason, reason=self.reason)

    @guarded
    def onCallMediaState(self, prm: Any) -> None:  # noqa: N802
        """There is sound (early media too): record it and speak into it."""
        info = self.getInfo()  # keep it: PJSUA2 hands out references into it
        for index, media in enumerate(info.media):
            if media.type == pj.PJMEDIA_TYPE_AUDIO and media.status == pj.PJSUA_CALL_MEDIA_ACTIVE:
                self._connect(self.getAudioMedia(index))

    def _connect(self, sound: Any) -> None:
        if self.recorder is None:
            self.phone.recordings += 1
            path = os.path.join(self.phone.folder, f"heard-{self.phone.recordings}.wav")
            self.recorder = pj.AudioMediaRecorder()
            self.recorder.createRecorder(path)
            report("recording", path=path)
        sound.startTransmit(self.recorder)
        self.phone.tone.startTransmit(sound)


class Account(pj.Account):  # type: ignore[misc]
    """Where calls come from and go to."""

    def __init__(self, phone: Phone) -> None:
        super().__init__()
        self.phone = phone

    @guarded
    def onRegState(self, prm: Any) -> None:  # noqa: N802
        """The registrar answered."""
        report("registered", code=int(prm.code), text=str(prm.reason))

    @guarded
    def onMwiInfo(self, prm: Any) -> None:  # noqa: N802
        """The lamp for messages waiting: a NOTIFY."""
        report("waiting", text=prm.rdata.wholeMsg)

    @guarded
    def onIncomingCall(self, prm: Any) -> None:  # noqa: N802
        """Ring; a second call is told that the phone is busy."""
        call = Call(self.phone, prm.callId)
        answer = pj.CallOpParam()
        answer.statusCode = pj.PJSIP_SC_BUSY_HERE if self.phone.call else pj.PJSIP_SC_RINGING
        if self.phone.call:
            self.phone.gone.append(call)
        else:
            self.phone.call = call
            report("incoming", caller=call.getInfo().remoteUri, message=prm.rdata.wholeMsg)
        call.answer(answer)


class Phone:
    """The loop between the parent and PJSIP; everything happens in the one main thread."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.recordings = 0
        self.call: Call | None = None
        self.gone: list[Call] = []  # one that is collected hangs up whatever call has its number by then
        self.keys: deque[tuple[str, str]] = deque()
        self.next_key = 0.0
        self.running = True
        self.endpoint = self._endpoint()
        self.account = Account(self)
        self.account.create(self._account_config("sip:phone@127.0.0.1"), True)
        self.tone = pj.ToneGenerator()
        self.tone.createToneGenerator(RATE, 1)

    def _endpoint(self) -> Any:
        endpoint = pj.Endpoint()
        endpoint.libCreate()
        config = pj.EpConfig()
        config.uaConfig.threadCnt = 0
        config.uaConfig.mainThreadOnly = True
        config.uaConfig.userAgent = "callcontrol test phone"
        config.logConfig.level = config.logConfig.consoleLevel = 0
        media = config.medConfig
        media.clockRate = media.sndClockRate = RATE
        media.noVad, media.ecTailLen, media.quality = True, 0, 1
        media.threadCnt, media.hasIoqueue = 1, True
        endpoint.libInit(config)
        transport = pj.TransportConfig()
        transport.boundAddress = "127.0.0.1"
        self.transport = endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, transport)
        endpoint.libStart()
        endpoint.audDevManager().setNullDev()
        for codec in endpoint.codecEnum2():
            wanted = {"PCMA/8000/1": 255, "PCMU/8000/1": 254}
            endpoint.codecSetPriority(codec.codecId, wanted.get(codec.codecId, 0))
        return endpoint

    def _account_config(self, uri: str) -> Any:
        config = pj.AccountConfig()
        config.idUri = uri
        media = config.mediaConfig.transportConfig
        media.boundAddress, media.port, media.portRange = "127.0.0.1", FIRST_RTP_PORT + os.getpid() % 3000 * 4, 8000
        config.callConfig.timerUse = pj.PJSUA_SIP_TIMER_INACTIVE
        return config

    def ended(self, call: Call) -> None:
        """The call is over."""
        self.gone.append(call)
        self.call = None
        self.keys.clear()

    def run(self) -> None:
        """Obey until told to quit or until the parent closes stdin."""
        report("ready", address=self.endpoint.transportGetInfo(self.transport).localName)
        text = b""
        while self.running:
            self.endpoint.libHandleEvents(TURN_MS)
            if select.select([0], [], [], 0)[0]:
                more = os.read(0, 65536)
                self.running = bool(more)
                *lines, text = (text + more).split(b"\n")
                for line in lines:
                    self._obey(json.loads(line))
            self._press()
        self._quit()

    def _obey(self, command: dict[str, Any]) -> None:
        try:
            getattr(self, "do_" + command.pop("do"))(**command)
        except (pj.Error, AttributeError, TypeError, UnicodeError) as error:
            report("fault", text=error.info() if isinstance(error, pj.Error) else repr(error))

    def do_register(self, account: str, proxy: str, user: str, password: str) -> None:
        """Register with digest; from now on calls go out as this extension."""
        config = self._account_config(account)
        config.regConfig.registrarUri = "sip:" + account.rpartition("@")[2]
        config.sipConfig.proxies.append(f"<{proxy};lr;hide>")
        config.sipConfig.authCreds.append(pj.AuthCredInfo("digest", "*", user, 0, password))
        self.account.modify(config)

    def do_unregister(self) -> None:
        """Tell the registrar that this telephone goes; calls still go out as the extension."""
        self.account.setRegistration(False)

    def do_call(self, to: str, headers: list[list[str]], **who: str) -> None:
        """Send the INVITE. ``from`` is a name-addr, or absent for the account's own."""
        if self.call is not None:
            raise TypeError("this phone is in a call already")
        option = pj.CallOpParam(True)
        option.opt.audioCount, option.opt.videoCount, option.opt.textCount = 1, 0, 0
        if "from" in who:
            option.txOption.localUri = who["from"]
        for name, value in headers:
            header = pj.SipHeader()
            header.hName, header.hValue = name, value
            option.txOption.headers.append(header)
        self.call = Call(self)
        try:
            self.call.makeCall(to, option)
        except pj.Error:
            self.call = None
            raise

    def do_answer(self, code: int) -> None:
        """Answer the call that rings: 200 takes it, 183 only sends sound, 486 and the like refuse it."""
        if self.call is not None:
            option = pj.CallOpParam()
            option.statusCode = code
            self.call.answer(option)

    def do_keys(self, digits: str, by: str) -> None:
        """Press keys one after the other, KEY_MS each."""
        self.keys.extend((digit, by) for digit in digits)

    def _press(self) -> None:
        if not self.keys or self.call is None or time.monotonic() < self.next_key:
            return
        digit, by = self.keys.popleft()
        self.next_key = time.monotonic() + (KEY_MS + GAP_MS) / 1000
        option = pj.CallSendDtmfParam()
        option.digits, option.duration = digit, KEY_MS
        option.method = pj.PJSUA_DTMF_METHOD_SIP_INFO if by == "info" else pj.PJSUA_DTMF_METHOD_RFC2833
        try:
            self.call.sendDtmf(option)
            report("key", left=len(self.keys))
        except pj.Error as error:
            report("fault", text=f"key not sent: {error.info()}")

    def do_tone(self, hz: int) -> None:
        """Speak this tone without end; 0 is silence."""
        self.tone.stop()
        if not hz:
            return
        tone = pj.ToneDesc()
        tone.freq1, tone.on_msec, tone.off_msec, tone.volume = hz, 1000, 0, TONE_VOLUME
        tones = pj.ToneDescVector()
        tones.append(tone)
        self.tone.play(tones, True)

    def do_hangup(self) -> None:
        """End the call, whatever its state."""
        if self.call is not None:
            self.call.hangup(pj.CallOpParam())

    def do_quit(self) -> None:
        """Hang up and end the process."""
        self.running = False

    def _quit(self) -> None:
        self.do_hangup()
        until = time.monotonic() + 1.0  # s
        while self.call is not None and time.monotonic() < until:
            self.endpoint.libHandleEvents(TURN_MS)
        os._exit(0)  # libDestroy would wait another second for messages nobody needs


if __name__ == "__main__":
    Phone(sys.argv[1]).run()
