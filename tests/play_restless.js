// Do random things to the page: with the same seed and the same page the same ones. One frame is drawn between two.
async ([seed, count]) => {
    let state = seed;
    const random = (most) => { state = (state * 1103515245 + 12345) % 2147483648; return Math.floor(state / 65536) % most; };
    const calm = () => new Promise(requestAnimationFrame);
    const tell = (one, ...names) => names.forEach((name) => one.dispatchEvent(new Event(name, {bubbles: true})));
    const point = (one, name, x, y) => one.dispatchEvent(new PointerEvent(name, {bubbles: true, clientX: x, clientY: y, pointerId: 1, isPrimary: true, button: 0}));
    const KEYS = ['Enter', ' ', 'ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown', 'Home', 'End', 'PageDown', 'PageUp', 'Delete', 'Escape', 'm', 's', 'e', 'r', 'n'];
    const NUMBERS = ['', '0', '-1', '1', '2', '3', '7', '0.5', '1e-3', '1e9', '12'];
    for (let i = 0; i < count; i += 1) {
        const shown = [...document.querySelectorAll('button, input, select, summary, [tabindex], canvas')]
            .filter((one) => one.checkVisibility() && !one.matches('[type=file]') && !one.closest('.take-told'));
        const one = shown[random(shown.length)];
        if (one.matches('select')) {
            one.selectedIndex = random(one.options.length);
            tell(one, 'input', 'change');
        } else if (one.matches('[type=range]')) {
            one.value = Number(one.min) + (Number(one.max) - Number(one.min)) * random(11) / 10;
            tell(one, 'input', 'change');
        } else if (one.matches('[type=number], [type=text]')) {
            one.value = NUMBERS[random(NUMBERS.length)];
            tell(one, 'input', 'change');
        } else if (one.matches('canvas') || (one.matches('svg, g, path') && random(2))) {
            const box = one.getBoundingClientRect();
            const [x, y] = [box.x + box.width * random(100) / 100, box.y + box.height * random(100) / 100];
            point(one, 'pointermove', x, y);
            point(one, 'pointerdown', x, y);
            if (random(2)) point(one, 'pointermove', x + 20, y + 10);
            point(one, 'pointerup', x, y);
            one.dispatchEvent(new MouseEvent('click', {bubbles: true, clientX: x, clientY: y}));
        } else if (one.matches('[tabindex]') || random(8) === 0) {
            one.focus();
            one.dispatchEvent(new KeyboardEvent('keydown', {key: KEYS[random(KEYS.length)], bubbles: true, cancelable: true}));
        } else one.click();
        document.querySelector('dialog[open]')?.close();
        await calm();
    }
}
