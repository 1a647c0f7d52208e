// Where each service stands: tiers from left to right, those that start first in front; below them what stands alone.
// Numbers in, numbers out: nothing of the page is read or written here.

const NODE = { height: 43, least: 140, most: 230 };
const ROOMY = { height: 84, least: 180, most: 300 };
const GAP = { row: 7, column: 26, edge: 20, above: 10, label: 30 };
const TIGHT = { column: 14, edge: 12 };
const PASSING = 6;
const SWEEPS = 6;
const PHONE = 520;
const LIST = 700;

// A plan in so much room: `list` where there is too little for a picture. `cells` have a column and a row for each
// service, in the order in which they are read; `spots` their places; `paths` a line for each arrow ("first then").
export function layout(plan, beyond, width, height) {
  const columns = ordered(plan);
  const named = columns.map((column) => column.filter((one) => !passes(one)));
  const linked = new Set(named.flat());
  const alone = [...plan.order.flat().filter((name) => !linked.has(name)), ...beyond];
  const least = named.length * (NODE.least + TIGHT.column) - TIGHT.column + 2 * TIGHT.edge;
  if (width < PHONE || (width < LIST && least > width)) {
    return { list: true, cells: new Map([...plan.order.flat(), ...beyond].map((name, at) => [name, [0, at]])) };
  }
  return { list: false, cells: cells(named, alone, width), ...placed(plan.arrows, columns, alone, width, height) };
}

const passes = (one) => one.includes(" ");

// How many columns there are: as many as tiers; those that stand alone take more where there are few of these.
const across = (tiers, alone, fit) => Math.max(tiers, tiers > 3 ? 0 : Math.min(alone, fit, 6), 1);

const fitting = (width, size) => Math.floor((width - 2 * GAP.edge + GAP.column) / (size.least + GAP.column));

function sized(columns, alone) {
  const tallest = Math.max(...columns.map((column) => column.length), 1);
  return columns.length <= 4 && tallest <= 7 && alone.length <= 8 ? ROOMY : NODE;
}

function cells(named, alone, width) {
  const count = across(named.length, alone.length, fitting(width, sized(named, alone)));
  return new Map([
    ...named.flatMap((column, x) => column.map((name, y) => [name, [x, y]])),
    ...alone.map((name, at) => [name, [at % count, 1000 + Math.floor(at / count)]]),
  ]);
}

// The tiers with what stands in them: services, and where an arrow passes a tier, a place for it ("first then"), so
// that it goes between the services and not behind them. Each tier is in the order that has arrows cross the least: what
// stands in it goes to the middle of its neighbours.
function ordered(plan) {
  const linked = new Set(plan.arrows.flatMap(([first, then]) => [first, then]));
  const columns = plan.order.map((tier) => tier.filter((name) => linked.has(name))).filter((tier) => tier.length);
  const tier = new Map(columns.flatMap((column, x) => column.map((name) => [name, x])));
  const next = columns.map(() => [new Map(), new Map()]);
  const join = (x, side, one, other) => next[x][side].set(one, [...(next[x][side].get(one) ?? []), other]);
  for (const [first, then] of plan.arrows) {
    const [from, to] = [tier.get(first), tier.get(then)];
    const way = [first, ...Array(to - from - 1).fill(`${first} ${then}`), then];
    way.slice(1, -1).forEach((passing, at) => columns[from + at + 1].push(passing));
    way.slice(1).forEach((other, at) => {
      join(from + at + 1, 0, other, way[at]);
      join(from + at, 1, way[at], other);
    });
  }
  const settle = (column) => new Map(column.map((one, row) => [one, (row + 0.5) / column.length]));
  const at = columns.map(settle);
  const towards = (x, side, one) => {
    const places = (next[x][side].get(one) ?? []).map((other) => at[x + (side ? 1 : -1)].get(other));
    return places.length ? places.reduce((sum, place) => sum + place, 0) / places.length : at[x].get(one);
  };
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const side = sweep % 2;
    for (const x of [...columns.keys()].sort((one, other) => (side ? other - one : one - other))) {
      const wanted = new Map(columns[x].map((one) => [one, towards(x, side, one)]));
      columns[x].sort((one, other) => wanted.get(one) - wanted.get(other) || one.localeCompare(other));
      at[x] = settle(columns[x]);
    }
  }
  return columns;
}

function placed(arrows, columns, alone, width, height) {
  const named = columns.map((column) => column.filter((one) => !passes(one)));
  const size = sized(named, alone);
  const count = across(columns.length, alone.length, fitting(width, size));
  const tight = count * (size.least + GAP.column) - GAP.column > width - 2 * GAP.edge;
  const { column: gap, edge } = tight ? TIGHT : GAP;
  const room = width - 2 * edge;
  const wide = Math.max(size.least, Math.min(size.most, (room - (count - 1) * gap) / count));
  const pitch = Math.max(wide + gap, count > 1 ? Math.min((room - wide) / (count - 1), wide * 1.6) : 0);
  const used = pitch * (count - 1) + wide;
  const left = edge + Math.max((room - used) / 2, 0);
  const node = { width: wide, height: size.height };
  const rows = Math.ceil(alone.length / count);
  const label = alone.length && columns.length ? GAP.label : 0;
  const below = rows * (size.height + GAP.row) + label;
  const { spots, end } = tiers(columns, size.height, height - below - 2 * GAP.above, (x) => left + x * pitch);
  alone.forEach((name, at) =>
    spots.set(name, [left + (at % count) * pitch, end + label + Math.floor(at / count) * (size.height + GAP.row)]));
  return {
    roomy: size === ROOMY, node, spots, paths: paths(arrows, columns, spots, node),
    width: left + used + edge, height: end + below + GAP.above, label: label ? { left, top: end } : null,
  };
}

// Each tier around the middle, with what room there is between; `end` is below the longest.
function tiers(columns, height, free, left) {
  const spots = new Map();
  const tall = (one) => (passes(one) ? PASSING : height);
  const sum = (column) => column.reduce((total, one) => total + tall(one), 0);
  const whole = Math.max(...columns.map((column) => sum(column) + (column.length - 1) * GAP.row), 0);
  const high = Math.max(whole, Math.min(free, whole * 1.7));
  const lead = GAP.above + Math.max(0, Math.min((free - high) / 2, 60));
  columns.forEach((column, x) => {
    const gap = column.length > 1 ? Math.min((high - sum(column)) / (column.length - 1), height * 0.9) : 0;
    let y = lead + (high - sum(column) - gap * (column.length - 1)) / 2;
    for (const one of column) {
      spots.set(passes(one) ? `${one} ${x}` : one, [left(x), y]);
      y += tall(one) + gap;
    }
  });
  return { spots, end: columns.length ? lead + high : GAP.above };
}

// A line for each arrow, straight where it passes a tier.
function paths(arrows, columns, spots, { width, height }) {
  const tier = new Map(columns.flatMap((column, x) => column.map((one) => [one, x])));
  return new Map(arrows.map(([first, then]) => {
    const key = `${first} ${then}`;
    let [x, y] = spots.get(first);
    [x, y] = [x + width, y + height / 2];
    let path = `M${x} ${y}`;
    for (let at = tier.get(first) + 1; at < tier.get(then); at += 1) {
      const [px, py] = spots.get(`${key} ${at}`);
      path += `${curve(x, y, px, py + PASSING / 2)}H${px + width}`;
      [x, y] = [px + width, py + PASSING / 2];
    }
    const [ex, ey] = spots.get(then);
    return [key, path + curve(x, y, ex, ey + height / 2)];
  }));
}

function curve(x1, y1, x2, y2) {
  const bend = (x2 - x1) / 2;
  return `C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
}
