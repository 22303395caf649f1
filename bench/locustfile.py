"""Users for Locust: `locust -f bench/locustfile.py --host http://127.0.0.1:8000`, then open :8089.

Each user posts an example to one of the networks, looks at the answer for a second or so, and
posts the next. Locust's users wait for their answers: unlike `python -m bench load` they slow down
with the service, so their percentiles flatter a busy one.
"""

import random
from argparse import ArgumentParser
from pathlib import Path

from locust import FastHttpUser, between, events, task

EXAMPLES = Path(__file__).parents[1] / "service" / "page" / "examples"
IMAGES = [file.read_bytes() for file in sorted(EXAMPLES.glob("*.jpg"))]


@events.init_command_line_parser.add_listener  # type: ignore[untyped-decorator]
def _(parser: ArgumentParser) -> None:
    told = "Networks to ask, with commas between; all that the service has by default."
    parser.add_argument("--models", env_var="LOCUST_MODELS", default="", help=told)


class Visitor(FastHttpUser):
    """Somebody with photographs; asks one network after the other."""

    wait_time = between(0.5, 1.5)  # seconds

    def on_start(self) -> None:
        named = self.environment.parsed_options.models.split(",")
        self.models = [name for name in named if name] or self.served()

    def served(self) -> list[str]:
        return [model["name"] for model in self.client.get("/models").json()["models"]]

    @task
    def predict(self) -> None:
        path = f"/predict/{random.choice(self.models)}"
        image = random.choice(IMAGES)
        headers = {"Content-Type": "image/jpeg"}
        self.client.post(path, data=image, headers=headers)  # type: ignore[arg-type]  # it takes bytes
