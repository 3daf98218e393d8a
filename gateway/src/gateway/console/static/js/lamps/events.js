// Server-sent events, read by `fetch`: unlike EventSource it tells why a stream was refused.

function dispatch(block, handlers) {
  const fields = new Map(block.split("\n").map((line) => line.split(/: (.*)/s).slice(0, 2)));
  handlers[fields.get("event")]?.(JSON.parse(fields.get("data")));
}

// Call `handlers[name](data)` for each event until the stream ends. Return the status; throws if the connection breaks.
export async function readEvents(path, handlers, signal) {
  const response = await fetch(path, { headers: { Accept: "text/event-stream" }, credentials: "same-origin", cache: "no-store", signal });
  if (!response.ok) return response.status;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let rest = ""; ; ) {
    const { value, done } = await reader.read();
    if (done) return response.status;
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop();
    blocks.forEach((block) => dispatch(block, handlers));
  }
}
