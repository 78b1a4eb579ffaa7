// Moving pictures (WebP) get a button that stops them, and stand still from the start where the reader's system asks for
// little motion. A stopped picture is a drawing of its first frame.
const STILL = /play-(desktop|phone)\.webp$/;

for (const image of document.querySelectorAll('.bd-article img[src$=".webp"]')) {
  if (!STILL.test(image.src)) whenLoaded(image, () => addButton(image));
}

function whenLoaded(image, then) {
  if (image.complete && image.naturalWidth) then();
  else image.addEventListener("load", then, { once: true });
}

function addButton(image) {
  const frame = document.createElement("span");
  const theme = [...image.classList].filter((name) => name.startsWith("only-")); // the theme hides one of two
  frame.classList.add("moving", ...theme);
  image.replaceWith(frame);
  const still = document.createElement("canvas");
  still.width = image.naturalWidth;
  still.height = image.naturalHeight;
  still.setAttribute("role", "img");
  still.setAttribute("aria-label", image.alt);
  still.getContext("2d").drawImage(image, 0, 0);
  const button = document.createElement("button");
  button.type = "button";
  frame.append(image, still, button);

  const show = (isPlaying) => {
    image.hidden = !isPlaying;
    still.hidden = isPlaying;
    button.textContent = isPlaying ? "Pause" : "Play";
  };
  button.addEventListener("click", () => show(image.hidden));
  show(!matchMedia("(prefers-reduced-motion: reduce)").matches);
}
