"""The files of the project, as a clone has them."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
GENERATED = {"requirements.lock"}


def tracked() -> list[Path]:
    """Return the files that are tracked, or would be, relative to the root; all files where there is no git."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        done = subprocess.run(listing, cwd=ROOT, check=True, capture_output=True)
        names = [name for name in done.stdout.decode().split("\0") if name]
    except (OSError, subprocess.CalledProcessError):
        names = [path.relative_to(ROOT).as_posix() for folder in ROOT_FOLDERS for path in (ROOT / folder).rglob("*.*")]
    return sorted(path for path in map(Path, names) if (ROOT / path).is_file() and path.name not in GENERATED)


ROOT_FOLDERS = ("deepsentry", "streams", "models", "aggregator", "api", "tests", "benchmarks", "docs", "scripts")


def sources(*folders: str) -> list[Path]:
    """Return the Python files of the top folders named."""
    return [path for path in tracked() if path.suffix == ".py" and path.parts[0] in folders]


def texts() -> list[tuple[Path, str]]:
    """Return every file that is text, and its text."""
    found = []
    for path in tracked():
        try:
            found.append((path, (ROOT / path).read_text(encoding="utf-8")))
        except UnicodeDecodeError:
            continue
    return found
