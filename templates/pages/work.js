// Proves that a visitor spent a second: finds the number with which the form's stamp, the address
// and the newsletter give a digest that begins with enough zero bits. Only where the site asks for it.
"use strict";

const form = document.querySelector("form[data-work]");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const fields = form.elements;
  const button = form.querySelector("button");
  button.disabled = true;
  button.textContent = form.dataset.working;
  const task = [fields.stamp.value, fields.email.value.trim(), fields.newsletter.value, ""].join("\n");
  fields.proof.value = await solve(task, Number(form.dataset.work));
  form.submit();
});

async function solve(task, bits) {
  const encoder = new TextEncoder();
  for (let number = 0; ; number += 1) {
    const bytes = encoder.encode(task + number);
    const digest = new DataView(await crypto.subtle.digest("SHA-256", bytes));
    if (Math.clz32(digest.getUint32(0)) >= bits) return String(number);
  }
}
