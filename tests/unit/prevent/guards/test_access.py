"""Access, as a transcript: who asks for what under which policy, and what becomes of it."""

from datetime import timedelta

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from bartizan.model.call import Verb
from bartizan.model.decision import Effect, Refusal
from bartizan.model.principal import ANONYMOUS
from bartizan.prevent.guards.access import Access
from bartizan.prevent.policy import Rules
from fixtures.calls import AT, a_call, rules, who

POLICY = """\
servers:
  github:
    reads: [get_*, "list_*"]
roles:
  developer: [{group: engineering}]
  maintainer: [{principal: "https://idp.example|maya"}]
  everybody: [{principal: "*"}]
allow:
  - {role: developer, server: github, tools: ["*"], resources: ["repo://acme/*"], prompts: [review]}
  - {role: maintainer, server: github, tools: ["*_issue", delete_branch], never: [lock_issue], may: write}
  - {role: developer, server: github, tools: [push], may: write, scopes: [repo:write]}
  - {role: developer, server: github, tools: [merge], may: write, acr: [phr], amr: [mfa], max_age: 15m}
  - {role: developer, server: github, tools: [comment], may: write, when: 'args.owner == "acme"'}
  - {role: developer, server: shell, tools: [run], may: write, commands: {command: [git status, ls]}}
"""
GUARD = Access(rules(POLICY))


def decide(call, guard=GUARD):
    judged = guard.judge(call, ())
    assert isinstance(judged, tuple)
    return judged[1]


def refused(call, guard=GUARD):
    decision = decide(call, guard)
    assert decision.effect is Effect.DENY
    return decision.refusal


def test_a_tool_that_policy_says_only_reads_is_allowed_to_whoever_may_read():
    assert decide(a_call("get_file")).effect is Effect.ALLOW


@pytest.mark.mission("M7")
def test_a_tool_is_a_write_unless_policy_says_otherwise_and_is_as_if_it_did_not_exist():
    decision = decide(a_call("delete_branch"))
    assert decision.refusal is Refusal.NOT_FOUND
    assert decision.exception == "p.yml:10: for the role maintainer"
    assert decide(a_call("delete_branch", principal=who("maya"))).effect is Effect.ALLOW


def test_the_annotation_of_a_tool_changes_nothing():
    lying = {"name": "delete_branch", "annotations": {"readOnlyHint": True}}
    assert GUARD.filter(a_call("", Verb.LIST), [lying]) == []


def test_what_a_line_never_permits_is_denied_by_that_line():
    assert decide(a_call("close_issue", principal=who("maya"))).effect is Effect.ALLOW
    assert refused(a_call("lock_issue", principal=who("maya"))) is Refusal.NOT_FOUND


@pytest.mark.parametrize("server", ["gitlab", "GitHub", "github/", ""])
def test_a_server_that_no_line_names_is_denied(server):
    for verb in Verb:
        assert refused(a_call("get_file", verb, server=server)) is Refusal.NOT_FOUND


def test_a_principal_without_a_role_there_cannot_even_connect():
    for verb in Verb:
        assert refused(a_call("get_file", verb, principal=who("eve"))) is Refusal.NOT_FOUND


def test_a_call_of_nobody_is_denied():
    assert refused(a_call(principal=None)) is Refusal.UNAUTHENTICATED
    assert GUARD.filter(a_call("", Verb.LIST, principal=None), [{"name": "get_file"}]) == []


def test_everybody_does_not_mean_the_anonymous_one():
    text = (
        "roles: {all: [{principal: '*'}]}\nservers: {s: {reads: ['*']}}\n"
        "allow: [{role: all, server: s, tools: ['*']}]\n"
    )
    assert decide(a_call(server="s", principal=who("eve")), Access(rules(text))).effect is Effect.ALLOW
    assert refused(a_call(server="s", principal=ANONYMOUS), Access(rules(text))) is Refusal.NOT_FOUND


def test_a_missing_scope_is_told_with_the_scope_that_would_do():
    decision = decide(a_call("push"))
    assert decision.refusal is Refusal.INSUFFICIENT_SCOPE
    assert decision.challenge == {"error": "insufficient_scope", "scope": "repo:write"}
    assert decide(a_call("push", principal=who(groups={"engineering"}, scopes={"repo:write"}))).effect is Effect.ALLOW


@pytest.mark.mission("C1")
def test_a_sign_in_that_is_too_weak_or_too_old_is_told_how_to_step_up():
    strong = {"groups": {"engineering"}, "context": "phr", "methods": {"mfa"}}
    fresh, old = AT - timedelta(minutes=15), AT - timedelta(minutes=15, seconds=1)
    assert decide(a_call("merge", principal=who(**strong, authenticated_at=fresh))).effect is Effect.ALLOW
    for weak in ({"authenticated_at": old}, {"context": ""}, {"methods": {"pwd"}}, {}):
        decision = decide(a_call("merge", principal=who("alice", **{**strong, **weak})))
        assert decision.refusal is Refusal.UNAUTHENTICATED
        assert decision.challenge == {
            "error": "insufficient_user_authentication",
            "acr_values": "phr",
            "max_age": "900",
        }


@pytest.mark.parametrize(
    ("arguments", "effect"),
    [
        ({"owner": "acme"}, Effect.ALLOW),
        ({"owner": "other"}, Effect.DENY),
        ({}, Effect.DENY),
        ({"owner": ["acme"]}, Effect.DENY),
        ({"owner": None}, Effect.DENY),
    ],
)
def test_a_condition_that_does_not_hold_or_fails_denies(arguments, effect):
    decision = decide(a_call("comment", arguments=arguments))
    assert decision.effect is effect
    assert effect is Effect.ALLOW or (decision.refusal, decision.exception) == (Refusal.TOOL_ERROR, "p.yml:13")


@pytest.mark.parametrize(
    "command",
    ["git status", "git status --short", "ls -la /srv", ["git", "status"]],
)
def test_a_command_on_the_list_is_allowed(command):
    assert decide(a_call("run", server="shell", arguments={"command": command})).effect is Effect.ALLOW


@pytest.mark.mission("M7", "C2")
@pytest.mark.parametrize(
    "command",
    ["git push", "git", "ls; rm -rf /", "ls $(id)", "ls\nrm x", "ls | sh", "lsof", "./ls", "", None, 7, [], ["git"],
     ["ls", 3], ["ls", "a b; rm -rf /"], "ls %PATH%", {"a": "ls"}, "ls `id`", "ls > /etc/passwd", "ls \\", "ls 'a'"],
)  # fmt: skip
def test_another_command_and_a_second_one_are_denied(command):
    assert refused(a_call("run", server="shell", arguments={"command": command})) is Refusal.TOOL_ERROR
    assert refused(a_call("run", server="shell", arguments={})) is Refusal.TOOL_ERROR


@pytest.mark.parametrize("uri", ["repo://acme/x", "repo://acme/a/b", "repo://acme/a%20b"])
def test_a_resource_below_the_pattern_is_read(uri):
    assert decide(a_call(uri, Verb.READ)).effect is Effect.ALLOW


@pytest.mark.parametrize(
    "uri",
    ["repo://other/x", "repo://acme/../other/x", "repo://acme/%2e%2e/other", "repo://acme/%252e%252e/o",
     "repo://acme/..%2fother", "repo://acme/a%5c..%5cb", "repo://acme/a\\..\\b", "repo://acme/\x00", "repo://acme/\u202e"],
)  # fmt: skip
def test_a_resource_that_could_lead_out_of_the_pattern_is_not(uri):
    assert refused(a_call(uri, Verb.READ)) is Refusal.NOT_FOUND
    assert GUARD.filter(a_call("", Verb.LIST, method="resources/list"), [{"uri": uri}]) == []


@pytest.mark.parametrize(
    "uri", ["repo://acme/secret/x", "repo://acme/%73ecret/x", "repo://acme//secret/x", "repo://acme/./secret", "repo://acme/%2573ecret"]
)  # fmt: skip
def test_what_a_line_never_permits_is_not_reached_by_writing_it_otherwise(uri):
    guard = Access(rules(POLICY.replace('resources: ["repo', 'never: ["repo://acme/secret*"], resources: ["repo')))
    assert refused(a_call(uri, Verb.READ), guard) is Refusal.NOT_FOUND
    assert decide(a_call("repo://acme/public", Verb.READ), guard).effect is Effect.ALLOW


def test_completion_follows_the_prompt_or_resource_it_completes():
    def complete(reference):
        return a_call("", Verb.COMPLETE, params={"ref": reference})

    assert decide(complete({"type": "ref/prompt", "name": "review"})).effect is Effect.ALLOW
    assert refused(complete({"type": "ref/prompt", "name": "secret"})) is Refusal.NOT_FOUND
    assert decide(complete({"type": "ref/resource", "uri": "repo://acme/{name}"})).effect is Effect.ALLOW
    for odd in ({"type": "ref/resource", "uri": "repo://other/{name}"}, {}, None, "x", {"type": "ref/resource"}):
        assert refused(complete(odd)) is Refusal.NOT_FOUND


def test_a_list_shows_the_very_objects_that_may_be_called_and_no_other():
    definitions = [{"name": name} for name in ("get_file", "delete_branch", "push", "comment")] + [{"name": 3}, {}]
    assert GUARD.filter(a_call("", Verb.LIST), definitions) == [definitions[0], definitions[2], definitions[3]]
    templates = [{"uriTemplate": uri} for uri in ("repo://acme/{x}", "repo://{owner}/x", "file:///{x}")]
    shown = GUARD.filter(a_call("", Verb.LIST, method="resources/templates/list"), templates)
    assert shown == templates[:2]
    assert GUARD.filter(a_call("", Verb.LIST, method="tasks/list"), definitions) == []


def test_a_dry_run_notes_what_would_have_been_denied_and_hides_nothing():
    guard = Access(rules("servers: {github: {dry_run: true}}\n"))
    decision = decide(a_call("delete_branch"), guard)
    assert decision.dry
    assert decision.effect is Effect.DENY
    assert decision.exception
    assert guard.filter(a_call("", Verb.LIST), [{"name": "delete_branch"}]) == [{"name": "delete_branch"}]
    assert not decide(a_call("x", server="other"), guard).dry


def test_the_line_that_is_proposed_permits_the_call_and_only_that_tool():
    call = a_call("delete_repo")
    line = decide(call).exception.removeprefix("add under `allow`: ")
    guard = Access(rules(POLICY + "  " + line + "\n"))
    assert decide(call, guard).effect is Effect.ALLOW
    assert refused(a_call("delete_repo2"), guard) is Refusal.NOT_FOUND


NAMES = st.text(alphabet='ab*_"\\{}:#, \n\u202e', min_size=1, max_size=8)


@given(NAMES)
def test_a_hostile_name_is_proposed_as_itself_and_nothing_wider(name):
    exception = decide(a_call(name)).exception
    if "*" in name:
        assert "add under" not in exception
    else:
        entry = yaml.safe_load(exception.removeprefix("add under `allow`: "))[0]
        assert entry == {"role": "developer", "server": "github", "tools": [name], "may": "write"}


WORDS = st.sampled_from(["a", "b", "ab", "a*", "*b", "*", "a*b"])
GRANT = st.fixed_dictionaries(
    {"role": st.sampled_from(["r", "s"]), "server": st.sampled_from(["x", "y", "*"])},
    optional={
        "tools": st.lists(WORDS, min_size=1),
        "never": st.lists(WORDS),
        "may": st.sampled_from(["read", "write"]),
    },
)


def naive(names, patterns):
    """Matching as simple as it gets, to hold the other against."""

    def fits(name, pattern):
        if not pattern:
            return not name
        if pattern[0] == "*":
            return fits(name, pattern[1:]) or (bool(name) and fits(name[1:], pattern))
        return bool(name) and name[0] == pattern[0] and fits(name[1:], pattern[1:])

    return any(fits(names, pattern) for pattern in patterns)  # fmt: skip


@settings(max_examples=200)
@given(
    st.lists(GRANT, max_size=4),
    st.lists(WORDS, max_size=2),
    st.sets(st.sampled_from(["g", "h"])),
    st.sampled_from(["x", "y", "z"]),
    st.text(alphabet="ab", max_size=4),
)
def test_whatever_the_policy_only_what_a_line_permits_passes_and_the_list_is_what_may_be_called(
    grants, reads, groups, server, tool
):
    grants = [one for one in grants if one.get("tools")]
    document = {
        "roles": {"r": [{"group": "g"}], "s": [{"group": "h"}]},
        "servers": {"x": {"reads": reads}},
        "allow": grants,
    }
    compiled: Rules = rules(yaml.safe_dump(document))
    guard = Access(compiled)
    call = a_call(tool, server=server, principal=who(groups=groups))
    permitted = any(
        {"r": "g", "s": "h"}[one["role"]] in groups
        and naive(server, [one["server"]])
        and naive(tool, one["tools"])
        and not naive(tool, one.get("never", []))
        and (one.get("may") == "write" or (server == "x" and naive(tool, reads)))
        for one in grants
    )
    assert (decide(call, guard).effect is Effect.ALLOW) is permitted
    listing = a_call("", Verb.LIST, server=server, principal=call.principal)
    assert bool(guard.filter(listing, [{"name": tool}])) is permitted
