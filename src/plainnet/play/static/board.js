// Where the curves stand: below the network, or below the map where the network is the taller of the two.

const ROOM = 120; // pixels by which one has to be taller, so that small changes move nothing

export function balance(board) {
  const height = (name) => board.querySelector(name).getBoundingClientRect().height;
  const look = () => {
    const more = height(".middle") - height(".results");
    if (Math.abs(more) > ROOM) board.classList.toggle("tall", more > 0);
  };
  const watch = new ResizeObserver(look);
  for (const name of [".middle", ".results"]) watch.observe(board.querySelector(name));
}
