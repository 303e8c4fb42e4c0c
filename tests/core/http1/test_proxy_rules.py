"""The rules that proxies get wrong, each with its tests, and the tests that have no other home.

A rule is a duty of RFC 9110 or 9112, or a choice where they leave one. The first word of a test is
its file, below `tests/`.
"""

import ast
from pathlib import Path

import pytest

from rsp.core.http1.errors import BadMessage, error_reply
from rsp.core.http1.forward import request_head_bytes
from rsp.core.http1.request import parse_request_head
from rsp.core.limits import Limits

TESTS = Path(__file__).parents[2]

RULES: dict[str, tuple[str, ...]] = {
    "hop-by-hop fields end here, and Connection cannot remove what guards (9110-7.6.1)": (
        "behaviour/test_http_heads.py test_hop_by_hop_fields_of_a_request_end_at_the_proxy",
        "behaviour/test_http_heads.py test_hop_by_hop_fields_of_a_response_end_at_the_proxy",
        "behaviour/test_http_heads.py test_nobody_can_have_an_important_field_removed",
    ),
    "two framings are refused (9112-6.1)": (
        "core/http1/test_request.py test_a_request_that_breaks_a_rule_is_refused",
        "corpora/test_requests.py test_what_must_be_refused_sends_no_byte_to_a_backend",
    ),
    "HTTP/1.0 has no Transfer-Encoding (9112-6.1)": (
        "core/http1/test_request.py test_a_request_that_breaks_a_rule_is_refused",
    ),
    "chunked, once, and nothing else (9112-6.3)": (
        "core/http1/test_request.py test_a_request_that_breaks_a_rule_is_refused",
        "core/http1/test_response.py test_a_response_that_breaks_a_rule_is_a_502",
    ),
    "one Content-Length of plain digits (9112-6.3)": (
        "core/http1/test_request.py test_a_request_that_breaks_a_rule_is_refused",
        "behaviour/test_backends_that_fail.py "
        "test_what_is_no_response_is_a_502_that_names_the_backend",
    ),
    "framing is written from the model, never copied (9112-6.2)": (
        "core/http1/test_forward.py test_framing_is_written_anew",
        "corpora/test_requests.py test_all_judges_read_the_same_requests_from_what_we_wrote",
    ),
    "a bare CR or LF ends nothing, in heads and chunks (9112-2.2)": (
        "core/http1/test_request.py test_a_request_that_breaks_a_rule_is_refused",
        "core/http1/test_framing.py test_broken_framing_is_refused",
    ),
    "a blank before the colon: refused, in a response removed (9112-5.1)": (
        "core/http1/test_lines.py test_blanks_before_the_colon_are_mended_in_a_response_alone",
    ),
    "a folded line is refused (9112-5.2)": (
        "core/http1/test_request.py test_a_request_that_breaks_a_rule_is_refused",
        "core/http1/test_response.py test_a_response_that_breaks_a_rule_is_a_502",
    ),
    "a blank before the first field is refused (9112-2.2)": (
        "core/http1/test_request.py test_a_request_that_breaks_a_rule_is_refused",
    ),
    "CR, LF, NUL and other controls are in no value (9110-5.5)": (
        "core/http1/test_lines.py test_a_line_is_taken_exactly_when_it_fits_the_grammar",
    ),
    "one valid Host, compared without case, port and final dot (9112-3.2)": (
        "core/http1/test_host.py test_letter_case_and_final_dot_and_port_do_not_change_the_name",
        "behaviour/test_http_heads.py "
        "test_hosts_that_differ_by_case_port_or_a_final_dot_are_routed_alike",
        "core/http1/test_request.py test_absolute_form_becomes_origin_form",
    ),
    "the forms of a target; CONNECT is a 405 (9112-3.2)": (
        "core/http1/test_request.py test_a_request_that_breaks_a_rule_is_refused",
        "core/http1/test_proxy_rules.py test_connect_and_trace_are_a_405_that_says_what_is_allowed",
    ),
    "sizes: 414, 431, and what must be taken (9112-3, 6585-5)": (
        "core/http1/test_request.py test_a_request_that_breaks_a_rule_is_refused",
        "core/http1/test_proxy_rules.py test_a_request_line_of_8000_bytes_is_taken",
        "behaviour/test_bad_clients.py test_a_header_of_100_kib_is_a_431",
    ),
    "HTTP/1.1 and 1.0 only; ours is what goes on (9112-2.3)": (
        "core/http1/test_request.py test_a_request_that_breaks_a_rule_is_refused",
        "behaviour/test_http_1_0.py test_a_request_of_http_1_0_is_http_1_1_to_the_backend",
    ),
    "interim responses pass, but not to HTTP/1.0 (9110-15.2)": (
        "behaviour/test_http_interim_and_upgrade.py test_early_hints_are_passed_on_each_time",
        "behaviour/test_http_interim_and_upgrade.py "
        "test_a_client_of_http_1_0_sees_no_interim_response",
        "behaviour/test_http_interim_and_upgrade.py test_a_100_that_nobody_asked_for_is_dropped",
    ),
    "Expect is 100-continue or a 417; a final status ends the connection (9110-10.1.1)": (
        "core/http1/test_request.py test_a_request_that_breaks_a_rule_is_refused",
        "behaviour/test_http_interim_and_upgrade.py "
        "test_a_final_status_instead_of_100_is_passed_on_and_ends_the_connection",
    ),
    "HEAD, 204 and 304 have no body (9112-6.3)": (
        "behaviour/test_http_bodies.py "
        "test_a_response_without_a_body_has_none_whatever_its_fields_say",
    ),
    "bytes behind a response end its connection (9112-11.2)": (
        "behaviour/test_http_connections.py "
        "test_bytes_behind_a_response_cost_the_backend_its_connection",
    ),
    "a truncated response is seen to be truncated (9112-8)": (
        "behaviour/test_backends_that_fail.py test_a_truncated_response_is_seen_to_be_truncated",
        "corpora/test_responses.py test_what_must_be_refused_is_never_a_whole_response",
    ),
    "an early final response reaches a client that still sends (9112-9.6)": (
        "behaviour/test_http_interim_and_upgrade.py "
        "test_a_final_status_in_the_middle_of_an_upload_reaches_the_client",
    ),
    "a close loses nothing of the last response (9112-9.6)": (
        "behaviour/test_last_responses.py "
        "test_a_client_that_reads_late_and_says_more_gets_all_of_it",
        "behaviour/test_errors_of_ours.py test_an_error_reaches_a_client_that_is_still_sending",
        "behaviour/test_errors_of_ours.py test_a_client_that_never_ends_its_side_is_not_waited_for",
    ),
    "a client that said FIN still gets its answer (9112-9.6)": (
        "behaviour/test_last_responses.py test_a_client_that_has_said_fin_still_gets_its_answer",
        "behaviour/test_tcp_mode.py test_a_client_that_has_said_everything_still_gets_its_answer",
    ),
    "chunk sizes, extensions and the last CRLF, all limited (9112-7.1)": (
        "core/http1/test_framing.py test_broken_framing_is_refused",
        "core/http1/test_framing.py test_extensions_are_limited_on_each_line_and_in_all",
    ),
    "trailers never become fields: they are dropped (9112-7.1.2, 9110-6.5)": (
        "core/http1/test_framing.py test_extensions_and_trailers_are_dropped",
        "behaviour/test_http_bodies.py test_extensions_and_trailers_end_at_the_proxy",
    ),
    "pipelined requests are answered in order, and not read ahead (9112-9.3.2)": (
        "behaviour/test_http_connections.py test_pipelined_requests_are_answered_in_order",
        "behaviour/test_slow_peers.py "
        "test_a_client_that_asks_and_never_reads_is_not_answered_without_end",
    ),
    "what is not idempotent is never sent twice (9110-9.2.2)": (
        "behaviour/test_backends_that_fail.py test_an_unsafe_request_is_never_sent_twice",
        "behaviour/test_requests_sent_twice.py "
        "test_an_unsafe_request_arrives_once_and_a_safe_one_again",
    ),
    "a kept connection that has died is noticed (9112-9.3.1)": (
        "behaviour/test_backends_that_fail.py "
        "test_an_idempotent_request_on_a_dead_connection_is_sent_once_more",
        "behaviour/test_backends_that_fail.py test_a_connection_that_died_while_idle_is_not_used",
    ),
    "a connection is reused only after a whole exchange (9112-9.3)": (
        "behaviour/test_http_connections.py "
        "test_a_clients_first_unsafe_request_gets_a_fresh_backend_connection",
        "behaviour/test_http_connections.py test_connection_close_of_the_backend_is_its_own_affair",
    ),
    "only a WebSocket is switched to, with the bytes at hand; h2c is not (9110-7.8)": (
        "core/http1/test_forward.py test_only_a_websocket_upgrade_passes",
        "core/http1/test_forward.py test_hop_by_hop_fields_end_here",
        "behaviour/test_http_interim_and_upgrade.py "
        "test_bytes_in_the_same_segment_as_either_head_go_through_the_tunnel",
    ),
    "Via grows, and ends a loop (9110-7.6.3)": (
        "core/http1/test_forward.py test_via_grows_by_one_entry",
        "behaviour/test_http_heads.py test_a_proxy_that_asks_itself_notices",
    ),
    "TRACE is a 405; Max-Forwards is counted (9110-7.6.2)": (
        "core/http1/test_proxy_rules.py test_connect_and_trace_are_a_405_that_says_what_is_allowed",
        "core/http1/test_proxy_rules.py test_max_forwards_of_options_is_counted",
        "core/http1/test_proxy_rules.py test_max_forwards_at_its_end_is_answered_here",
    ),
    "forwarded fields of strangers are replaced (7239-8.1)": (
        "behaviour/test_http_heads.py test_forwarded_fields_of_a_stranger_are_replaced",
        "behaviour/test_http_heads.py "
        "test_forwarded_fields_of_a_trusted_proxy_are_kept_and_appended_to",
    ),
    "a name with an underscore is not passed on": (
        "behaviour/test_http_heads.py "
        "test_a_name_with_an_underscore_cannot_pass_for_one_with_a_hyphen",
    ),
    "a PROXY line is not guessed": (
        "core/http1/test_proxy_rules.py test_a_proxy_line_that_nobody_expects_is_refused",
        "corpora/test_requests.py test_what_must_be_refused_sends_no_byte_to_a_backend",
    ),
    "each wait has its limit and its status (9110-15.5.9, 15.6.3 to 15.6.5)": (
        "behaviour/test_errors_of_ours.py test_a_request_that_does_not_end_is_a_408",
        "behaviour/test_errors_of_ours.py test_a_client_that_says_nothing_is_closed_without_a_word",
        "behaviour/test_errors_of_ours.py test_a_body_that_does_not_go_on_is_a_408",
        "behaviour/test_errors_of_ours.py test_nobody_available_is_a_503_that_says_why",
        "behaviour/test_errors_of_ours.py "
        "test_a_connect_that_hangs_is_a_504_that_names_the_backend",
        "core/http1/test_proxy_rules.py test_a_503_says_when_to_come_again",
    ),
    "our own replies are whole and end the connection (9110-6.6.1)": (
        "core/http1/test_errors.py test_every_reply_is_whole_and_closes",
        "core/http1/test_errors.py test_a_sentence_with_hostile_text_stays_one_line_of_text",
    ),
}


def test_each_rule_has_a_test_that_exists() -> None:
    assert len(RULES) == 37
    named = {test for tests in RULES.values() for test in tests}
    for file, name in sorted(test.split() for test in named):
        tree = ast.parse((TESTS / file).read_text())
        functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        assert name in functions, f"{file} has no {name}"


# -- the rules that have no other home


def request(line: bytes, *fields: bytes) -> bytes:
    return b"\r\n".join([line, b"Host: a", *fields, b"", b""])


def refused(head: bytes) -> BadMessage:
    with pytest.raises(BadMessage) as caught:
        parse_request_head(head, Limits())
    return caught.value


def sent(head: bytes) -> list[bytes]:
    parsed = parse_request_head(head, Limits())
    out = request_head_bytes(parsed, client_ip="192.0.2.1", trusted_peer=False)
    return out.split(b"\r\n")


@pytest.mark.parametrize("line", [b"CONNECT a:80 HTTP/1.1", b"TRACE / HTTP/1.1"])
def test_connect_and_trace_are_a_405_that_says_what_is_allowed(line: bytes) -> None:
    error = refused(request(line))
    reply = error_reply(error.status, error.sentence, http_date=b"now")
    assert reply.startswith(b"HTTP/1.1 405 ")
    assert b"\r\nAllow: GET, " in reply


def test_a_request_line_of_8000_bytes_is_taken() -> None:
    line = b"GET /" + b"a" * (8000 - len(b"GET / HTTP/1.1")) + b" HTTP/1.1"
    assert sent(request(line))[0] == line


@pytest.mark.parametrize(
    ("hops", "left"), [(b"1", b"0"), (b"007", b"6"), (b"999999999", b"999999998")]
)
def test_max_forwards_of_options_is_counted(hops: bytes, left: bytes) -> None:
    """RFC 9110, section 7.6.2."""
    fields = (b"max-forwards: " + hops, b"Connection: X-Hop", b"X-Hop: 1", b"X-Kept: 1")
    lines = sent(request(b"OPTIONS * HTTP/1.1", *fields))
    assert [line for line in lines if line.lower().startswith((b"max-", b"x-hop", b"x-kept"))] == [
        b"X-Kept: 1",
        b"Max-Forwards: " + left,
    ]


def test_max_forwards_at_its_end_is_answered_here() -> None:
    error = refused(request(b"OPTIONS / HTTP/1.1", b"Max-Forwards: 0"))
    reply = error_reply(error.status, error.sentence, http_date=b"now")
    assert reply.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\nAllow: GET, " in reply


@pytest.mark.parametrize("value", [b"", b"-1", b"+1", b"1_0", b"0x1", b"\xb2", b"1, 1", b"1" * 10])
def test_a_max_forwards_that_is_no_number_is_refused(value: bytes) -> None:
    assert refused(request(b"OPTIONS / HTTP/1.1", b"Max-Forwards: " + value)).status == 400


def test_max_forwards_of_other_methods_passes() -> None:
    assert b"Max-Forwards: 0" in sent(request(b"GET / HTTP/1.1", b"Max-Forwards: 0"))


def test_two_content_types_are_refused() -> None:
    """RFC 9110, section 8.3: readers differ in which one counts."""
    one = b"Content-Type: text/plain"
    assert one in sent(request(b"POST / HTTP/1.1", one, b"Content-Length: 1"))
    assert refused(request(b"POST / HTTP/1.1", one, one)).status == 400


def test_a_proxy_line_that_nobody_expects_is_refused() -> None:
    error = refused(b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n" + request(b"GET / HTTP/1.1"))
    assert error.status == 400
    assert "PROXY" in error.sentence


def test_a_503_says_when_to_come_again() -> None:
    assert b"\r\nRetry-After: 1\r\n" in error_reply(503, "nobody is there", http_date=b"now")
