// A live picture in one file: its frames lie packed in the page, behind the scripts of explorers and their host.

/* global modelOf, layoutFor, explorer */

async function unpacked(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return JSON.parse(await new Response(stream).text());
}

const picture = document.getElementById("picture");
const { stage: known, files } = await unpacked(document.getElementById("packed").textContent);
const model = modelOf({ subject: known.stage.subject, ...known, closed: false }, async (name) => files[name]);
await model.lay(layoutFor(known.stage.layouts, picture.clientWidth));
picture.model = model;
explorer().render({ model, el: picture });
