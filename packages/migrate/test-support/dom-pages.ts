/** The pages that the labelled pairs change: what people's pages look like, in small. */

export const PROFILE = `<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <title>Ada Byron – curriculum vitae</title>
  <link rel="stylesheet" href="/theme.css">
  <script src="/app.js"></script>
</head>
<body class="theme-light">
  <header class="top" id="top">
    <img class="portrait round" src="/people/ada.jpg" alt="Ada Byron" width="120" height="120">
    <h1>Ada Byron</h1>
    <p class="tagline">Analyst of engines, writer of programs, London</p>
    <nav><a href="#work">Work</a> <a href="#skills">Skills</a> <a href="#contact">Contact</a></nav>
  </header>
  <main>
    <section id="work">
      <h2>Work</h2>
      <article><h3>Analytical Engine, notes</h3><p>Translated and annotated the memoir on the engine; the notes grew to three times its length and hold the first program.</p></article>
      <article><h3>Difference Engine, demonstrations</h3><p>Explained the machine to guests, tables in hand, and showed how it carries.</p></article>
      <article><h3>Correspondence</h3><p>Eleven years of letters on method, on flying, and on what a machine may and may not originate.</p></article>
    </section>
    <section id="skills">
      <h2>Skills</h2>
      <ul class="skills">
        <li>Mathematics</li><li>Translation from French</li><li>Bernoulli numbers</li>
        <li>Writing for the press</li><li>Horse riding</li><li>Music theory</li>
      </ul>
    </section>
    <section id="contact">
      <h2>Contact</h2>
      <form action="/message" method="post">
        <input type="hidden" name="token" value="t-1">
        <label>Your name <input type="text" name="name"></label>
        <label>Message <textarea name="message"></textarea></label>
        <button class="primary" type="submit">Send message</button>
      </form>
    </section>
  </main>
  <footer><p>Last changed in spring</p></footer>
</body>
</html>`;

export const PRICES = `<table class="prices">
  <thead><tr><th>Plan</th><th>Price</th><th>Seats</th></tr></thead>
  <tbody>
    <tr><td>Starter</td><td>9 EUR</td><td>1</td></tr>
    <tr><td>Team</td><td>49 EUR</td><td>10</td></tr>
    <tr><td>Company</td><td>199 EUR</td><td>100</td></tr>
    <tr><td>Public sector</td><td>149 EUR</td><td>250</td></tr>
  </tbody>
</table>`;

export const CARD = `<div class="card">
  <img src="/p/7.png" alt="Lamp">
  <h3>Desk lamp</h3>
  <p>Warm light, three joints, a foot of cast iron.</p>
  <span class="price">39 EUR</span>
  <button>Buy</button>
</div>`;

export const ARTICLE = `<article>
  <h1>How tides are foretold</h1>
  <p>The moon pulls at the sea, and the sun does too, though less; where both pull along one line the tide is high, and where they stand at a right angle it is low.</p>
  <p>A harbour answers in its own time. Its shape holds water back or hurries it on, so that a table is made for each from <em>years</em> of looking at a staff.</p>
  <figure><img src="/tide.svg" alt="A year of tides"><figcaption>A year of tides at one staff</figcaption></figure>
  <p>Kelvin's machine summed ten motions with wheels and a wire, and drew in four hours what a clerk reckoned in a month.</p>
  <blockquote>What is asked of the sea is patience, and of the table, honesty.</blockquote>
</article>`;

export const DASHBOARD = `<div id="app"><div class="shell">
  <aside class="side"><ul><li><a href="/runs">Runs</a></li><li><a href="/flags">Flags</a></li><li><a href="/people">People</a></li></ul></aside>
  <div class="content">
    <div class="tiles">
      <div class="tile"><b>1 250</b><span>Users</span></div>
      <div class="tile"><b>99.3 %</b><span>Migrated</span></div>
      <div class="tile"><b>4</b><span>Waiting</span></div>
    </div>
    <canvas width="600" height="200"></canvas>
    <p class="hint">Figures of the last hour, in UTC</p>
  </div>
</div></div>`;

/** A list long enough that one item is little of it. */
export const LONG_LIST = `<ol>${Array.from({ length: 60 }, (_, at) => `<li>Entry ${at + 1}: paid by transfer, booked on day ${(at * 7) % 28}</li>`).join('')}</ol>`;
