"""acme_turns.py CONNECT DIRECTORY KEY WEB NAME...: orders the names and answers every http-01 challenge at once,
waiting for none. Prints the authorizations' URLs."""
import pathlib
import sys

from acme_client import Client, Key

connect, directory, key, web, *names = sys.argv[1:]
client = Client(connect, directory, Key(key))
client.register()
order = client.post(client.directory["newOrder"], {"identifiers": [{"type": "dns", "value": name} for name in names]})
for url in order.json()["authorizations"]:
    challenges = client.post(url).json()["challenges"]
    challenge = next(challenge for challenge in challenges if challenge["type"] == "http-01")
    (pathlib.Path(web) / challenge["token"]).write_text(f"{challenge['token']}.{client.key.thumbprint}")
    answer = client.post(challenge["url"], {})
    assert answer.status == 200, answer.show()
    print(url)
