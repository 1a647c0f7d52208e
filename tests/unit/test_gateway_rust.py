"""What Kong's two engines take of a regular expression, and what it fits; nothing is said on stderr about it."""

import warnings

import pytest

from stack.gateway import rust

TAKEN = [
    r"/a$", r"/(?<n>\d+)$", r"/(?P<n>\d+)$", r"/a(?i)b$", r"/(?i:ab)c", r"/\p{L}+$", r"/\pL", r"/[\p{Lu}_-]+",
    r"/[[:alpha:]]+", r"/[a-z&&[^b]]", r"/[a--b]", r"/a{2,3}$", r"/a}b", r"/[]a]", r"/a\-b\.c\/d", r"/x|/y", r"/(|a)",
    r"/(?x) a b # c", r"/\x41\x{42}", r"/[[a]]", r"/[a||b]", r"/a*+", r"/a*?b+?",
]  # fmt: skip
REFUSED = [
    r"/(?=a)", r"/(?!a)", r"/(?<=a)b", r"/(?<!a)b", r"/(a)\1", r"/(?>a)", r"/(?(1)a|b)", r"/(?#x)", r"/(?P<n>a)(?P=n)",
    r"/a\Z", r"/{id}", r"/a{id}", r"/(a", r"/a)", r"/[a", r"/a{3,2}", r"/\h", r"/[z-a]", r"/[a-\d]", r"/\p{Foo}",
    r"/(?<n>a)(?<n>b)", r"/(|*a)", r"/\Qa\E", r"/a\K", r"/(?<1a>b)", "/a\\",
]  # fmt: skip
FITS = [
    (r"/a(?i)b$", "/aB", True), (r"/a(?i)b$", "/AB", False), (r"/(?i:ab)c$", "/ABc", True),
    (r"/[a-z&&[^b]]$", "/b", False), (r"/[a-z&&[^b]]$", "/c", True), (r"/[a-c--b]$", "/b", False),
    (r"/\p{L}+$", "/éa", True), (r"/x|/y", "/q/y", True), (r"/a$", "/a\n", False), (r"/a{2}$", "/aa", True),
    (r"/[[:^alpha:]]$", "/1", True), (r"/(?x) a b # c", "/ab", True), (r"/[a||b]$", "/|", True),
]  # fmt: skip


@pytest.fixture(autouse=True)
def _no_warning() -> None:
    warnings.simplefilter("error")


@pytest.mark.parametrize("pattern", TAKEN)
def test_what_rust_takes_is_taken(pattern: str) -> None:
    assert rust.wrong(pattern) == ""


@pytest.mark.parametrize("pattern", REFUSED)
def test_what_rust_lacks_is_refused(pattern: str) -> None:
    assert "Rust's" in rust.wrong(pattern)


@pytest.mark.parametrize(("pattern", "path", "fits"), FITS)
def test_it_fits_as_in_kongs_router(pattern: str, path: str, fits: bool) -> None:
    assert bool(rust.compiled(pattern).search(path)) == fits
