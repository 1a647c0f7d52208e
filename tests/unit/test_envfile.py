"""Each odd line of a `.env`, and edits that leave everything else alone."""

import io

import dotenv
import pytest

from stack import encoding
from stack.env.envfile import edit, names, parse, quote
from stack.errors import Problem, StackError


def problems(data: bytes) -> list[Problem]:
    with pytest.raises(StackError) as caught:
        parse(data)
    return caught.value.problems


@pytest.mark.parametrize(
    ("data", "values"),
    [
        (b"", {}),
        (b"A=1", {"A": "1"}),
        (b"\n  \t\n# A=1\n  #B=2\nC=3\n", {"C": "3"}),
        (b"A=\nB= \nC=''\nD=\"\"\n", {"A": "", "B": "", "C": "", "D": ""}),
        (b"A=1\r\nB='2'\r\n\r\n# note\r\n", {"A": "1", "B": "2"}),
        (b"\xef\xbb\xbfA=1\n", {"A": "1"}),
        (b"export A=1\n\texport\tB = 2\n", {"A": "1", "B": "2"}),
        (b"export=1\n", {"export": "1"}),
        (b"A=x # note\nB=x#y\nC='x'# note\n", {"A": "x", "B": "x#y", "C": "x"}),
        (b"A=\"x\"\t# it's $5\nB=#x\nC=x \t #y\n", {"A": "x", "B": "#x", "C": "x"}),
        (b"A = x y  \t\n", {"A": "x y"}),
        (b"A=x\"y'z\\n\n", {"A": "x\"y'z\\n"}),
        (b"A='one\ntwo=2\n# three'\nB=1\n", {"A": "one\ntwo=2\n# three", "B": "1"}),
        (b"A='pa$$ $word $(x) it\\'s C:\\dir'\n", {"A": "pa$$ $word $(x) it's C:\\dir"}),
        (b'A="\\"q\\" \\\\ \\n\\t \\x41"\n', {"A": '"q" \\ \n\t \\x41'}),
        (b"A=x=y:z\n_b1=\xc3\xa9\n", {"A": "x=y:z", "_b1": "é"}),
    ],
)  # fmt: skip
def test_a_good_line_is_read(data: bytes, values: dict[str, str]) -> None:
    assert parse(data) == values


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"KEY=x$hunter2", "KEY has a $ outside single quotes"),
        (b"KEY=hunter2$$", "KEY has a $ outside single quotes"),
        (b'KEY="hunter2 $B"', "KEY has a $ outside single quotes"),
        (b'KEY="hunter2\\$B"', "KEY has a $ outside single quotes"),
        (b"KEY=${B-hunter2}", "KEY has a $ outside single quotes"),
        (b"KEY='hunter2 ${B}'", "KEY has ${...} in single quotes"),
        (b"KEY: hunter2", "this line is written with : for ="),
        (b"KEY='hunter2' x", "KEY has text after the closing quote"),
        (b'KEY="hunter2"B=1', "KEY has text after the closing quote"),
        (b"KEY='hunter2", "KEY opens a quote that nothing closes"),
        (b'KEY="hunter2\\"', "KEY opens a quote that nothing closes"),
        (b"KEY='a\\\\hunter2'", "KEY has two backslashes in single quotes"),
        (b'KEY="it\\\'s hunter2"', "KEY has \\' or \\0 in double quotes"),
        (b'KEY="hunter2\\0101"', "KEY has \\' or \\0 in double quotes"),
        (b"KEY=hunter2\xff", "KEY is not UTF-8"),
        (b"# hunter2 \xff", "this line is not UTF-8"),
        (b"KEY= # hunter2", "KEY has a comment where its value should be"),
        (b"KEY=hunter2\t# note", "KEY has a tab before #"),
        (b"KEY=hunter2\x0c", "KEY has white space other than blank and tab"),
        (b"KEY=\xc2\xa0hunter2", "KEY has white space other than blank and tab"),
        (b"KEY=hunter2\xe2\x80\x83", "KEY has white space other than blank and tab"),
        (b"KEY=hunter2\rB=1", "KEY has a carriage return that ends no line"),
        (b"KEY=hunter2 # a\rB=1", "KEY has a carriage return that ends no line"),
        (b"KEY='hunter2\r\nx'", "KEY has a carriage return inside quotes"),
        (b"KEY=hunter2\0", "KEY holds a NUL character"),
        (b"KEY='hunter2\0'", "KEY holds a NUL character"),
        (b"hunter2", "this line has no ="),
        (b"export hunter2", "this line has no ="),
        (b"MY-KEY=hunter2", "this line does not begin with a name of letters, digits and _"),
        (b"1KEY=hunter2", "this line does not begin with a name of letters, digits and _"),
        (b"my.key=hunter2", "this line does not begin with a name of letters, digits and _"),
        (b"K EY=hunter2", "this line does not begin with a name of letters, digits and _"),
        (b"export =hunter2", "this line does not begin with a name of letters, digits and _"),
        (b"=hunter2", "this line does not begin with a name of letters, digits and _"),
        (b"A=hunter2", "A is set on line 1 already"),
    ],
)
def test_an_odd_line_is_refused_by_its_number_and_without_its_value(line: bytes, said: str) -> None:
    [problem] = problems(b"A=1\n\n" + line + b"\n# last\n")
    assert (problem.code, problem.where) == ("env-line", ".env:3")
    assert problem.message.startswith(said)
    assert problem.fix
    assert "hunter2" not in f"{problem.message} {problem.fix}"


def test_all_odd_lines_are_told_at_once() -> None:
    wheres = [problem.where for problem in problems(b"A=$x\nB=1\n# note\nC: 1\nD='x\ny'\nE=\xff\nB=2\n")]
    assert wheres == [".env:1", ".env:4", ".env:7", ".env:8"]


def test_lines_count_on_after_a_value_of_several_lines() -> None:
    assert [problem.where for problem in problems(b"A='1\n2\n3'\nB=$\n")] == [".env:4"]


def test_an_unclosed_quote_hides_no_line_after_it() -> None:
    told = problems(b"A='x\nB=$x\nC=1\n")
    assert [problem.where for problem in told] == [".env:1", ".env:2"]


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("", ""),
        ("http://a.b:1/c_d@e,f+g-h", "http://a.b:1/c_d@e,f+g-h"),
        ("two words", "'two words'"),
        ("pa$$word", "'pa$$word'"),
        ("it's", "'it\\'s'"),
        ("one\ntwo", "'one\ntwo'"),
        ("C:\\dir", "'C:\\dir'"),
        ("a\\\\b", '"a\\\\\\\\b"'),
        ("dir\\", '"dir\\\\"'),
        ("\\'\"", '"\\\\\'\\""'),
        ("a\r\nb", '"a\\r\\nb"'),
        ("#x", "'#x'"),
        (" x ", "' x '"),
    ],
)
def test_a_value_is_quoted_only_as_far_as_it_must(value: str, written: str) -> None:
    assert quote(value) == written
    assert parse(f"A={written}".encode()) == {"A": value}


@pytest.mark.parametrize(
    "value", ["hunter2\0", "hunter2${A}", "hunter2$\\", "hunter2$\\\\x", "$hunter2\r", "\ud800hunter2"]
)
def test_a_value_that_no_quotes_carry_is_refused_without_being_shown(value: str) -> None:
    with pytest.raises(StackError) as caught:
        edit(b"", {"API_KEY": value})
    [problem] = caught.value.problems
    assert (problem.code, problem.where) == ("env-value", "API_KEY")
    assert "hunter2" not in problem.message


@pytest.mark.parametrize(
    ("before", "changes", "after"),
    [
        (b"", {"A": "1"}, b"A=1\n"),
        (b"\xef\xbb\xbf", {"A": "1"}, b"\xef\xbb\xbfA=1\n"),
        (b"A=1", {"B": "2"}, b"A=1\nB=2"),
        (b"A=1\r\n", {"B": "2"}, b"A=1\r\nB=2\r\n"),
        (b"# A=0\n# B=0\nC=3\n", {"A": "1", "B": "x y"}, b"# A=0\nA=1\n# B=0\nB='x y'\nC=3\n"),
        (b"# AB=0\n", {"A": "1"}, b"# AB=0\nA=1\n"),
        (b"X='\n# A=0\n'\n", {"A": "1"}, b"X='\n# A=0\n'\nA=1\n"),
        (b"A=1\nB=2\n", {"A": "3"}, b"A=3\nB=2\n"),
        (b"  export A = 1 # note\n", {"A": "2"}, b"  export A = 2 # note\n"),
        (b"A='1'\t# note\n", {"A": "2"}, b"A='2'\t# note\n"),
        (b"A=1 # note\n", {"A": ""}, b"A='' # note\n"),
        (b"A='1\n2'\nB=1\n", {"A": "3"}, b"A=3\nB=1\n"),
        (b"A='1'\n", {"A": "1"}, b"A='1'\n"),
        (b"A=1\nB=2\n", {"A": None}, b"B=2\n"),
        (b"A=1\nB=2", {"B": None}, b"A=1"),
        (b"A=1\n", {"B": None}, b"A=1\n"),
        (b"A=1\nB=2\nA=3 # kept\n", {"A": "4"}, b"B=2\nA=4 # kept\n"),
        (b"A=1\nA=2\nB=3\n", {"A": None}, b"B=3\n"),
        (b"A: 1\r\nB=2\r\n", {"A": "x$"}, b"A='x$'\r\nB=2\r\n"),
        (b"A=x$y\n", {"A": "x$y"}, b"A='x$y'\n"),
        (b"A='x\nB='y'\n", {"A": "x"}, b"A=x\nB='y'\n"),
    ],
)
def test_an_edit_changes_its_own_line_only(before: bytes, changes: dict[str, str | None], after: bytes) -> None:
    assert edit(before, changes) == after


@pytest.mark.parametrize("odd", [b"B: 2", b"B='2", b"B=" + b"x" * 140_000, b"no name"])
def test_an_odd_line_keeps_no_other_from_being_changed_and_can_go_itself(odd: bytes) -> None:
    assert edit(b"A=1\n" + odd + b"\nC=3\n", {"A": "2"}) == b"A=2\n" + odd + b"\nC=3\n"
    assert edit(odd + b"\nA=1\n", {"A": None}) == odd + b"\n"
    assert names(odd + b"\n") == ({"B"} if odd.startswith(b"B") else set())
    if odd.startswith(b"B"):
        assert edit(b"A=1\n" + odd + b"\n", {"B": None}) == b"A=1\n"
        assert edit(b"A=1\n" + odd + b"\n", {"B": "4"}) == b"A=1\nB=4\n"


def test_an_edit_that_an_open_quote_would_swallow_writes_nothing() -> None:
    with pytest.raises(StackError, match="A opens a quote that nothing closes"):
        edit(b"A='1\n", {"B": "#"})


@pytest.mark.parametrize(("line", "value"), [("A='${B}'", ""), ("A= # x", ""), (r"A='\\'", "\\"), ("A=x\t# y", "x")])
def test_python_dotenv_still_reads_what_we_refuse_otherwise_than_compose(line: str, value: str) -> None:
    """Once a release of it doesn't, the refusal of such a line may go."""
    assert dotenv.dotenv_values(stream=io.StringIO(line)) == {"A": value}
    assert problems(line.encode())


@pytest.mark.parametrize("coding", ["utf-16", "utf-16-be", "utf-16-le"])
def test_a_file_that_powershell_wrote_is_told_as_such(coding: str) -> None:
    data = "PROJECT_NAME=mine\r\nBASE_PORT=50000\r\n".encode(coding)
    for call in (lambda: parse(data), lambda: edit(data, {"A": "1"})):
        with pytest.raises(StackError) as caught:
            call()
        [problem] = caught.value.problems
        assert problem.message == ".env is UTF-16, as PowerShell writes it; it has to be UTF-8"
        assert "Set-Content -Encoding utf8 .env" in problem.fix


@pytest.mark.parametrize("data", [b"", b"A", b"A=1", b"\xef\xbb\xbfA=1\n"])
def test_a_short_file_is_not_taken_for_utf16(data: bytes) -> None:
    assert not encoding.is_utf16(data)
