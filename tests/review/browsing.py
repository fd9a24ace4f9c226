"""A reader's browser, without one: the test client with cookies of its own."""

from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from npsle_app.review.app import make_app
from npsle_app.review.room import Room, Rules

ADDRESS = "http://127.0.0.1:8000"


def open_room(output: Path, **rules: Any) -> Room:
    made = Rules(output=output, corrections=output.with_name(f"{output.name}-reading"), **rules)
    return Room(made)


class Browser:
    """Sits down in a room as the page's script does."""

    def __init__(self, room: Room, initials: str | None = None) -> None:
        self.client = TestClient(make_app(room), base_url=ADDRESS, follow_redirects=False)
        self.client.get("/", params={"token": room.token})
        if initials:
            assert self.post("/enter", initials=initials).status_code == 200

    def post(self, path: str, **said: Any) -> Any:
        return self.client.post(path, json=said, headers={"Origin": ADDRESS})

    def get(self, path: str) -> Any:
        answer = self.client.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    @property
    def keys(self) -> list[str]:
        """Keys of the cases in this reader's order."""
        return [case["key"] for case in self.get("/queue")["cases"]]

    def judge(self, key: str, item: str, verdict: str | None, **said: Any) -> None:
        answer = self.post("/judge", case=key, item=item, verdict=verdict, **said)
        assert answer.status_code == 200, answer.text

    def decide(self, key: str, lesion: int, decision: str | None) -> float:
        answer = self.post("/lesion", case=key, lesion=lesion, decision=decision)
        assert answer.status_code == 200, answer.text
        return float(answer.json()["left"])
