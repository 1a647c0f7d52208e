"""Downloads each model of SPEACHES_PULL (names on Hugging Face, separated by blanks) into the volume that Speaches
looks through. One that is there needs no internet. Ends with 1 where one could not be had."""

import os
import sys
import time

from huggingface_hub import snapshot_download

TRIES = 3
PAUSE_S = float(os.environ.get("PAUSE_S", "5"))
"""Seconds between two tries."""


def pull(model: str) -> bool:
    """Whether a model is there now."""
    for attempt in range(1, TRIES + 1):
        try:
            # What is there stays, and what was cut goes on. Offline, what is there is taken.
            snapshot_download(model)
        except Exception as error:  # noqa: BLE001 - whatever it is, the other models are tried
            print(f"speaches-pull: {model}: try {attempt} of {TRIES} failed: {error}", flush=True)
            if attempt < TRIES:
                time.sleep(PAUSE_S)
        else:
            print(f"speaches-pull: {model} is there", flush=True)
            return True
    return False


missing = [model for model in os.environ.get("SPEACHES_PULL", "").replace(",", " ").split() if not pull(model)]
if missing:
    print(f"speaches-pull: not downloaded: {' '.join(missing)} (again: ./inv up --service speaches-pull)")
    sys.exit(1)
