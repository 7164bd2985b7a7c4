"""Command lines as they stand in real configurations, and what each starts."""

import string
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packageurl import PackageURL

from bartizan.discover.package_ref import npm_package, oci_image, pypi_package
from bartizan.discover.packages import PackageRef, package_of

DIGEST = "sha256:" + "ab" * 32


def told(command: str | list[str]) -> tuple[str, str, bool, tuple[str, ...]]:
    found = package_of(command.split() if isinstance(command, str) else command)
    return f"{found.ecosystem}:{found.name}", found.version, found.pinned, found.arguments


NPM = "npm:@a/b"
COMMANDS: list[tuple[str | list[str], str, str, bool, tuple[str, ...]]] = [
    # npm and its relatives
    ("npx @a/b", NPM, "", False, ()),
    ("npx -y @a/b@1.2.3 /tmp --x", NPM, "1.2.3", True, ("/tmp", "--x")),
    ("npx --yes @a/b@latest", NPM, "latest", False, ()),
    ("npx -y @a/b@^1.2.0", NPM, "^1.2.0", False, ()),
    ("npx -y -- @a/b --flag", NPM, "", False, ("--flag",)),
    ("npx --registry https://r.example @a/b -y", NPM, "", False, ("-y",)),
    ("npx -p @a/b@2.0.0 b --stdio", NPM, "2.0.0", True, ("--stdio",)),
    ("npx --package=@a/b@2.0.0 -c b", NPM, "2.0.0", True, ()),
    ("npx -p left-pad -p b b --x", "npm:b", "", False, ("--x",)),
    ("npx good@npm:@a/b@1.2.3", NPM, "1.2.3", True, ()),
    ("npx github:user/repo x", "unknown:github:user/repo", "", False, ("x",)),
    ("npx ./server x", "unknown:./server", "", False, ("x",)),
    ("npm exec -y @a/b x", NPM, "", False, ("x",)),
    ("npm --prefix /p exec -- @a/b x", NPM, "", False, ("x",)),
    ("npm x @a/b", NPM, "", False, ()),
    ("npm run start:mcp --prefix /p", "local:npm run start:mcp", "", False, ("--prefix", "/p")),
    ("npm --prefix /p run mcp -- --x", "local:npm run mcp", "", False, ("--x",)),
    ("bunx @a/b@1.0.0", NPM, "1.0.0", True, ()),
    ("bunx --bun @a/b", NPM, "", False, ()),
    ("bun x @a/b x", NPM, "", False, ("x",)),
    ("bun run /p/index.ts x", "local:index.ts", "", False, ("x",)),
    ("bun /p/index.ts", "local:index.ts", "", False, ()),
    ("pnpm dlx @a/b@1.0.0-rc.1 x", NPM, "1.0.0-rc.1", True, ("x",)),
    ("pnpm --package=@a/b dlx b x", NPM, "", False, ("x",)),
    ("pnpx @a/b", NPM, "", False, ()),
    ("yarn dlx @a/b x", NPM, "", False, ("x",)),
    (r"C:\Tools\npx.cmd -y @a/b", NPM, "", False, ()),
    ("npx dotenv-cli -e .env -- npx -y @a/b x", NPM, "", False, ("x",)),
    ("npx tsx /p/server.ts x", "local:server.ts", "", False, ("x",)),
    # PyPI
    ("uvx a-b", "pypi:a-b", "", False, ()),
    ("uvx A_B@1.2 --x", "pypi:a-b", "1.2", True, ("--x",)),
    ("uvx a.b==1.2rc1", "pypi:a-b", "1.2rc1", True, ()),
    ("uvx a-b@latest", "pypi:a-b", "latest", False, ()),
    ("uvx a-b==1.*", "pypi:a-b", "1.*", False, ()),
    (["uvx", "a-b[x]>=1,<2"], "pypi:a-b", ">=1,<2", False, ()),
    ("uvx --from a-b==1.0 a-b-server --x", "pypi:a-b", "1.0", True, ("--x",)),
    ("uvx --python 3.12 --with c a-b x", "pypi:a-b", "", False, ("x",)),
    ("uvx --from git+https://github.com/u/r r", "unknown:git+https://github.com/u/r", "", False, ()),
    (["uvx", "--from", "a-b @ https://x.example/a.whl", "r"], "unknown:https://x.example/a.whl", "", False, ()),
    ("uv tool run a-b x", "pypi:a-b", "", False, ("x",)),
    ("/home/u/.local/bin/uv tool uvx --offline a-b x", "pypi:a-b", "", False, ("x",)),
    ("uv run --with a-b a-b x", "pypi:a-b", "", False, ("x",)),
    ("uv run --with mcp[cli] mcp run /p/server.py", "local:server.py", "", False, ()),
    ("uv --directory /p run server.py x", "local:server.py", "", False, ("x",)),
    ("uv run --directory /p weather x", "local:weather", "", False, ("x",)),
    ("uv run -m weather x", "pypi:weather", "", False, ("x",)),
    ("pipx run a-b==1.0 x", "pypi:a-b", "1.0", True, ("x",)),
    ("pipx run --spec a-b==1.0 b x", "pypi:a-b", "1.0", True, ("x",)),
    ("python -m mcp_server_git -r /x", "pypi:mcp-server-git", "", False, ("-r", "/x")),
    ("python3.12 -u -X utf8 -m a.b x", "pypi:a", "", False, ("x",)),
    ("py -3 -ma_b x", "pypi:a-b", "", False, ("x",)),
    ("python -m uv tool run a-b", "pypi:a-b", "", False, ()),
    ("python -m src.server x", "local:src.server", "", False, ("x",)),
    ("python -W ignore /p/server.py x", "local:server.py", "", False, ("x",)),
    ("fastmcp run", "unknown:fastmcp", "", False, ("run",)),
    ("/v/lib/python3.11/site-packages/a_b/cli.py x", "pypi:a-b", "", False, ("x",)),
    ("/home/u/.local/share/uv/tools/a-b/bin/server x", "pypi:a-b", "", False, ("x",)),
    ("/home/u/.local/pipx/venvs/a-b/bin/server x", "pypi:a-b", "", False, ("x",)),
    # containers
    ("docker run -i --rm mcp/time", "oci:mcp/time", "", False, ()),
    ("docker run --rm -ie API_KEY=1 -v /a:/b mcp/time:1.0 x -it y", "oci:mcp/time", "1.0", False, ("x", "-it", "y")),
    (f"podman run -i docker.io/mcp/time@{DIGEST}", "oci:mcp/time", DIGEST, True, ()),
    ("docker --context c run -i localhost:5000/t/x:2", "oci:localhost:5000/t/x", "2", False, ()),
    ("docker run -i ghcr.io/o/Server", "oci:ghcr.io/o/server", "", False, ()),
    ("docker run -i --entrypoint node img /x.js", "oci:img", "", False, ("--entrypoint=node", "/x.js")),
    ("docker exec -i box node /x.js", "unknown:container box", "", False, ("node", "/x.js")),
    # files, binaries, other languages
    ("node /p/dist/index.js x", "local:index.js", "", False, ("x",)),
    ("node --env-file .env --import tsx /p/x.ts", "local:x.ts", "", False, ()),
    ("node /p/node_modules/@a/b/dist/index.js x", NPM, "", False, ("x",)),
    (r"node C:\p\node_modules\@a\b\dist\index.js x", NPM, "", False, ("x",)),
    ("deno run -A npm:@a/b@1.0.0 x", NPM, "1.0.0", True, ("x",)),
    ("deno run --allow-net jsr:@s/p", "unknown:jsr:@s/p", "", False, ()),
    ("deno run -A /p/x.ts", "local:x.ts", "", False, ()),
    ("go run github.com/u/r/cmd@v1.2.3 x", "golang:github.com/u/r/cmd", "v1.2.3", True, ("x",)),
    ("go run ./cmd/server x", "local:./cmd/server", "", False, ("x",)),
    ("java -Xmx1g -jar /p/server.jar x", "local:server.jar", "", False, ("x",)),
    ("jbang io.x:server:1.0.0 y", "maven:io.x:server", "1.0.0", True, ("y",)),
    ("dotnet /p/Server.dll x", "local:server.dll", "", False, ("x",)),
    ("dotnet run --project /p/S.csproj -- x", "local:s.csproj", "", False, ("x",)),
    ("dnx My.Server@1.0.0 --yes -- x", "nuget:My.Server", "1.0.0", True, ("x",)),
    ("cargo run --manifest-path /p/Cargo.toml -- x", "local:cargo run", "", False, ("x",)),
    ("bash /p/server.sh x", "local:server.sh", "", False, ("x",)),
    ("/opt/corp/server x", "local:server", "", False, ("x",)),
    ("mcp-server-git x", "unknown:mcp-server-git", "", False, ("x",)),
    # wrappers
    ("cmd /c npx -y @a/b x", NPM, "", False, ("x",)),
    (["cmd.exe", "/d", "/s", "/c", r'"C:\p q\npx.cmd" -y @a/b x'], NPM, "", False, ("x",)),
    (["sh", "-c", "cd /p && K=1 exec npx -y @a/b x 2>/dev/null | tee log"], NPM, "", False, ("x",)),
    (["bash", "-lc", "source ~/.nvm/nvm.sh; npx -y @a/b 'x y' || true"], NPM, "", False, ("x y",)),
    (["zsh", "-i", "-c", "npx @a/b"], NPM, "", False, ()),
    (["powershell", "-NoProfile", "-Command", "npx -y @a/b x"], NPM, "", False, ("x",)),
    ("env -u X A=b npx @a/b x", NPM, "", False, ("x",)),
    (["env", "-S", "npx -y @a/b", "x"], NPM, "", False, ("x",)),
    ("sudo -u me A=b npx @a/b", NPM, "", False, ()),
    ("nice -n 10 timeout -k 5 30s npx @a/b", NPM, "", False, ()),
    ("dotenv -e .env -- npx @a/b x", NPM, "", False, ("x",)),
    ("dotenv -f .env run npx @a/b x", NPM, "", False, ("x",)),
    ("dotenvx run -f .env -- npx @a/b", NPM, "", False, ()),
    ("op run --env-file=.env -- npx @a/b", NPM, "", False, ()),
    ("doppler run -p x -- npx @a/b", NPM, "", False, ()),
    ("infisical run --env dev -- npx @a/b", NPM, "", False, ()),
    ("aws-vault exec prof -- npx @a/b", NPM, "", False, ()),
    ("volta run --node 20 npx @a/b", NPM, "", False, ()),
    ("fnm exec --using 20 npx @a/b", NPM, "", False, ()),
    ("nvm exec 20 npx @a/b", NPM, "", False, ()),
    ("asdf exec npx @a/b", NPM, "", False, ()),
    ("mise exec node@20 -- npx @a/b x", NPM, "", False, ("x",)),
    ("mise x -- npx @a/b", NPM, "", False, ()),
    ("poetry -C /p run python -m a_b x", "pypi:a-b", "", False, ("x",)),
    ("conda run -n e --no-capture-output python -m a_b", "pypi:a-b", "", False, ()),
    ("wsl -d Ubuntu -- npx @a/b", NPM, "", False, ()),
    ("corepack pnpm dlx @a/b", NPM, "", False, ()),
    ("xvfb-run -a npx @a/b", NPM, "", False, ()),
    # nothing
    ([], "unknown:", "", False, ()),
    ([""], "unknown:", "", False, ()),
    ("npx", "unknown:npx", "", False, ()),
    ("uvx", "unknown:uvx", "", False, ()),
    ("docker ps", "unknown:docker", "", False, ("ps",)),
    ("npm install", "unknown:npm", "", False, ("install",)),
    ("python", "unknown:python", "", False, ()),
    ("bash", "unknown:bash", "", False, ()),
]


@pytest.mark.parametrize(
    ("command", "subject", "version", "pinned", "arguments"), COMMANDS, ids=lambda one: str(one)[:60]
)
def test_a_command_line_names_what_it_starts(
    command: str | list[str], subject: str, version: str, pinned: bool, arguments: tuple[str, ...]
) -> None:
    assert told(command) == (subject, version, pinned, arguments)


def test_local_paths_start_from_the_folder_that_the_runner_was_given() -> None:
    assert package_of("uv --directory /p run src/server.py".split()).path == "/p/src/server.py"
    assert package_of("uv run --project /p weather".split()).path == "/p"
    assert package_of("npm --prefix /p run mcp".split()).path == "/p"


def test_a_bridge_gives_the_server_behind_it() -> None:
    assert package_of("npx -y mcp-remote https://x.example/mcp --header A".split()).url == "https://x.example/mcp"
    assert package_of("uvx mcp-proxy https://x.example/sse".split()).url == "https://x.example/sse"
    assert package_of("npx -y supergateway --sse https://x.example/sse".split()).url == "https://x.example/sse"


def test_a_wrapped_entry_names_the_gateway_and_the_server_behind_it() -> None:
    found = package_of("bartizan connect s1 -- npx -y @a/b@1.0.0 x".split())
    assert (found.gateway, found.name, found.version, found.arguments) == ("s1", "@a/b", "1.0.0", ("x",))
    assert package_of("bartizan connect s1".split()).gateway == "s1"


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (npm_package("@a/b@1.0.0+x", (), ""), PackageURL("npm", "@a", "b", "1.0.0+x")),
        (npm_package("b@latest", (), ""), PackageURL("npm", None, "b")),
        (pypi_package("A_b==1.0+local", (), ""), PackageURL("pypi", None, "a-b", "1.0+local")),
        (package_of(["go", "run", "github.com/u/r@v1.0.0"]), PackageURL("golang", "github.com/u", "r", "v1.0.0")),
        (package_of(["dnx", "A.B@1.0.0"]), PackageURL("nuget", None, "A.B", "1.0.0")),
        (package_of(["jbang", "io.x:s:1.0.0"]), PackageURL("maven", "io.x", "s", "1.0.0")),
        (
            oci_image(f"ghcr.io/o/x@{DIGEST}", (), ""),
            PackageURL("oci", None, "x", DIGEST, {"repository_url": "ghcr.io/o/x"}),
        ),
        (
            oci_image("mcp/time:1.0", (), ""),
            PackageURL("oci", None, "time", None, {"repository_url": "docker.io/mcp/time", "tag": "1.0"}),
        ),
        (
            oci_image("redis", (), ""),
            PackageURL("oci", None, "redis", None, {"repository_url": "docker.io/library/redis"}),
        ),
    ],
)
def test_package_urls_are_those_of_the_reference_library(found: PackageRef, expected: PackageURL) -> None:
    assert found.purl == expected.to_string()


_name = st.text("abcdefghijklmnopqrstuvwxyz0123456789-._", min_size=1, max_size=12).filter(
    lambda name: name[0].isalnum()
)
_versions = st.from_regex(r"[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}(-[a-z0-9]{1,5})?", fullmatch=True)


@given(_name, _name, _versions)
def test_any_scoped_package_gives_the_url_of_the_reference_library(scope: str, name: str, version: str) -> None:
    found = package_of(["npx", "-y", f"@{scope}/{name}@{version}"])
    assert found.purl == PackageURL("npm", f"@{scope}", name, version).to_string()
    assert found.pinned


@given(_name, _versions)
def test_any_python_package_gives_a_url_that_the_reference_library_reads(name: str, version: str) -> None:
    found = package_of(["uvx", f"{name}@{version.partition('-')[0]}"])
    if found.ecosystem == "pypi":
        read = PackageURL.from_string(found.purl)
        assert (read.type, read.name, read.version) == ("pypi", found.name, found.version)


WORDS = sorted(
    {word for command, *_ in COMMANDS for word in (command.split() if isinstance(command, str) else command)}
)
_word = st.sampled_from([*WORDS, "bartizan", "connect", "--", "-c", "&&", "‹x›"]) | st.text(max_size=20)


@given(st.lists(_word, max_size=14))
def test_no_list_of_words_raises(words: list[str]) -> None:
    found = package_of(words)
    if found.purl:
        PackageURL.from_string(found.purl)


@pytest.mark.parametrize(
    "words",
    [
        ["sh", "-c", "&& " * 100_000],
        ["env", *["A=b"] * 100_000],
        ["env"] * 100_000,
        ["bartizan", "connect", "a", "--", "env"] * 20_000,
        ["uvx", "a==" + "rc" * 50_000 + "!"],
        ["uvx", "a" * 100_000 + "\n"],
        ["npx", "@" + "a/" * 50_000],
        ["node", "/node_modules/a" * 10_000 + "\n"],
        ["node", "/node_modules/.bin" * 10_000],
        ["docker", "run", *["-e"] * 100_000],
        ["python", *["-W"] * 100_001],
        ["x" * 100_000],
        [string.punctuation * 3_000],
    ],
    ids=lambda words: words[0][:10],
)
def test_time_grows_no_faster_than_the_words(words: list[str]) -> None:
    before = time.process_time()
    package_of(words)
    assert time.process_time() - before < 1.0
