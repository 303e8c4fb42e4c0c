// Node's http as a judge: one line of JSON for each connection that comes on stdin.
//
// In: {"wire": base64}. Out: {"seen": [[method, target, host, body in base64], ...], "refused": why or null}.
// The connections are streams inside this process; nothing is listened on.
"use strict";

const http = require("node:http");
const readline = require("node:readline");
const { Duplex } = require("node:stream");

function hostOf(fields) {
  const values = [];
  for (let at = 0; at < fields.length; at += 2) {
    if (fields[at].toLowerCase() === "host") values.push(fields[at + 1]);
  }
  return values.join(" and ");
}

function judge(wire) {
  return new Promise((resolve) => {
    const requests = [];
    const broken = [];
    let rest = null;
    const server = http.createServer({ maxHeaderSize: 1 << 17, requireHostHeader: false });
    const note = (request) => {
      const noted = { start: [request.method, request.url, hostOf(request.rawHeaders)], body: null };
      requests.push(noted);
      return noted;
    };
    const take = (request, response) => {
      const noted = note(request);
      const pieces = [];
      request.on("data", (piece) => pieces.push(piece));
      request.on("error", () => {});
      request.on("end", () => {
        noted.body = Buffer.concat(pieces).toString("base64");
        response.end();
      });
    };
    server.on("request", take);
    server.on("checkContinue", take);
    // What stands behind a request to switch protocols is judged anew.
    server.on("upgrade", (request, socket, head) => {
      note(request).body = "";
      rest = head;
      socket.destroy();
    });
    server.on("clientError", (error, socket) => {
      // An end in the midst of a message is no mistake in its bytes.
      if (error.code !== "HPE_INVALID_EOF_STATE" && error.code !== "ECONNRESET") broken.push(error.code);
      // Not at once: the requests before it have yet to say that they are whole.
      setImmediate(() => setImmediate(() => socket.destroy()));
    });
    const connection = new Duplex({
      allowHalfOpen: true,
      read() {},
      write(_piece, _encoding, done) { done(); },
    });
    connection.on("close", async () => {
      const more = rest === null ? { seen: [], refused: null } : await judge(rest);
      const whole = requests.filter((noted) => noted.body !== null);
      const seen = whole.map((noted) => [...noted.start, noted.body]);
      resolve({ seen: [...seen, ...more.seen], refused: broken[0] ?? more.refused });
    });
    server.emit("connection", connection);
    connection.push(wire);
    connection.push(null);
  });
}

async function main() {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const verdict = await judge(Buffer.from(JSON.parse(line).wire, "base64"));
    process.stdout.write(JSON.stringify(verdict) + "\n");
  }
}

main();
