"""Lends boto3 to another process: JSON lines on standard input and output.

Requests: {id, accessKeyId?, operation, input} and {cancel: id}. Answers: {id, output} or
{id, error: {code, message, status}}. A subscription answers its output first, then {id, event} for
each event and {id, end: true} or an error. Blobs are written {"$blob": base64}, timestamps
{"$ms": epoch milliseconds}. The program ends when its standard input does.

boto3 is used as it comes, but for three things: it does not validate what it sends (the server's own
validation is what is looked at), it does not retry (every answer is seen as sent), and its time
limit for reading is longer than a subscription lives.
"""

import base64
import concurrent.futures
import datetime
import json
import os
import socket
import sys
import threading

import boto3
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError

CALLS_AT_ONCE = 64
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


class Bridge:
    def __init__(self, endpoint, region):
        self.endpoint = endpoint
        self.region = region
        self.session = boto3.session.Session()
        self.clients = {}
        self.making = threading.Lock()
        self.writing = threading.Lock()
        self.subscriptions = {}

    def client(self, access_key_id):
        with self.making:
            if access_key_id not in self.clients:
                keys = {} if access_key_id is None else {
                    "aws_access_key_id": access_key_id,
                    "aws_secret_access_key": "secret",
                }
                self.clients[access_key_id] = self.session.client(
                    "kinesis",
                    endpoint_url=self.endpoint,
                    region_name=self.region,
                    verify=not self.endpoint.startswith("https://127.0.0.1"),
                    config=Config(
                        parameter_validation=False,
                        retries={"total_max_attempts": 1},
                        read_timeout=360,
                        max_pool_connections=CALLS_AT_ONCE,
                    ),
                    **keys,
                )
            return self.clients[access_key_id]

    def answer(self, id, **members):
        line = json.dumps({"id": id, **to_json(members)})
        with self.writing:
            sys.stdout.write(line + "\n")
            sys.stdout.flush()

    def perform(self, request):
        id = request["id"]
        try:
            client = self.client(request.get("accessKeyId"))
            call = getattr(client, xform_name(request["operation"]))
            output = call(**from_json(request.get("input", {})))
            output.pop("ResponseMetadata", None)
            if request["operation"] == "SubscribeToShard":
                self.follow(id, output["EventStream"])
            else:
                self.answer(id, output=output)
        except ClientError as refused:
            self.answer(id, error={
                "code": refused.response["Error"].get("Code", ""),
                "message": refused.response["Error"].get("Message", ""),
                # Errors inside an event stream come without an HTTP status of their own.
                "status": refused.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0),
            })
        except Exception as failure:
            self.answer(id, error={"code": type(failure).__name__, "message": str(failure), "status": 0})

    def follow(self, id, events):
        self.subscriptions[id] = events
        self.answer(id, output={})
        try:
            for event in events:
                if "SubscribeToShardEvent" in event:
                    self.answer(id, event=event["SubscribeToShardEvent"])
            self.answer(id, end=True)
        except Exception:
            # A subscription that was cancelled here fails in its own thread: nobody asks for that error.
            if id in self.subscriptions:
                raise
        finally:
            self.subscriptions.pop(id, None)

    def cancel(self, id):
        events = self.subscriptions.pop(id, None)
        if events is None:
            return
        # Closing a response waits for the thread that reads it; shutting its socket down does not.
        connection = getattr(events._raw_stream, "_connection", None)
        if connection is not None and connection.sock is not None:
            connection.sock.shutdown(socket.SHUT_RDWR)

    def serve(self):
        with concurrent.futures.ThreadPoolExecutor(CALLS_AT_ONCE) as calls:
            for line in sys.stdin:
                request = json.loads(line)
                if "cancel" in request:
                    self.cancel(request["cancel"])
                elif request["operation"] == "SubscribeToShard":
                    threading.Thread(target=self.perform, args=(request,), daemon=True).start()
                else:
                    calls.submit(self.perform, request)


def to_json(value):
    if isinstance(value, dict):
        return {key: to_json(member) for key, member in value.items()}
    if isinstance(value, list):
        return [to_json(member) for member in value]
    if isinstance(value, (bytes, bytearray)):
        return {"$blob": base64.b64encode(value).decode("ascii")}
    if isinstance(value, datetime.datetime):
        return {"$ms": (value - EPOCH) // datetime.timedelta(milliseconds=1)}
    return value


def from_json(value):
    if isinstance(value, list):
        return [from_json(member) for member in value]
    if not isinstance(value, dict):
        return value
    if "$blob" in value:
        return base64.b64decode(value["$blob"])
    if "$ms" in value:
        return EPOCH + datetime.timedelta(milliseconds=value["$ms"])
    return {key: from_json(member) for key, member in value.items()}


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: bridge.py ENDPOINT REGION")
    Bridge(sys.argv[1], sys.argv[2]).serve()
    # Subscriptions that are still open would keep the interpreter alive.
    os._exit(0)
