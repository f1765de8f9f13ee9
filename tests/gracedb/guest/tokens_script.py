"""Who the server takes me for with each token file of a folder, for whoever ``ligo.gracedb`` is.

Arguments: the folder, and where to write the answers.
"""

import json
import os
import sys
from pathlib import Path

from ligo.gracedb.rest import GraceDb  # type: ignore[import-not-found]

FOLDER, TOLD = map(Path, sys.argv[1:])
told = {}
for file in FOLDER.iterdir():
    os.environ["BEARER_TOKEN_FILE"] = str(file)
    client = GraceDb()
    username = client.get_user_info().json()["username"]
    try:
        GraceDb(fail_if_noauth=True).ping()
        refused = None
    except RuntimeError as error:
        refused = type(error).__name__
    told[file.name] = [username, refused, sorted(client.show_credentials(print_output=False))]
TOLD.write_text(json.dumps(told))
