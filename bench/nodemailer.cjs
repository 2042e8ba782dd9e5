// Sends COUNT messages of SIZE bytes over a pool: node bench/nodemailer.cjs PORT COUNT SIZE CONNECTIONS
const nodemailer = require("nodemailer");

const [port, count, size, connections] = process.argv.slice(2).map(Number);
const body = "Subject: x\r\n\r\n" + ("x".repeat(70) + "\r\n").repeat(Math.floor(size / 72));
const pool = nodemailer.createTransport({
  host: "127.0.0.1", port, ignoreTLS: true, pool: true, maxConnections: connections, maxMessages: 100,
});
let next = 0;

async function work() {
  while (next < count) {
    const number = next++;
    const raw = `Message-ID: <${number}@news.test>\r\n${body}`;
    await pool.sendMail({ envelope: { from: "news@news.test", to: "r@d.test" }, raw });
  }
}

Promise.all(Array.from({ length: connections }, work)).then(() => pool.close());
