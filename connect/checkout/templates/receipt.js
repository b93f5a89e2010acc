// Printing needs a script; without one the button is not there, and browsers print anyway.
document.querySelector("[data-print]").addEventListener("click", () => print());
