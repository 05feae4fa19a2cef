<?xml version="1.0" encoding="utf-8"?>
<TS version="2.1" language="de">
 <context>
  <name>Scumble</name>
  <message>
   <source>Scumble's backend can't be reached.</source>
   <translation>Scumbles Backend ist nicht erreichbar.</translation>
  </message>
  <message>
   <source>The connection to Scumble's backend was lost. Nothing was changed.</source>
   <translation>Die Verbindung zu Scumbles Backend ist abgerissen. Nichts wurde verändert.</translation>
  </message>
  <message>
   <source>Scumble's backend could not be started.</source>
   <translation>Scumbles Backend konnte nicht gestartet werden.</translation>
  </message>
  <message>
   <source>Plugin and backend are of different versions.</source>
   <translation>Modul und Backend haben verschiedene Versionen.</translation>
  </message>
  <message>
   <source>The backend did not accept this plugin.</source>
   <translation>Das Backend hat dieses Modul nicht angenommen.</translation>
  </message>
  <message>
   <source>The backend does not answer.</source>
   <translation>Das Backend antwortet nicht.</translation>
  </message>
  <message>
   <source>Something went wrong inside the plugin. The layer was not changed.</source>
   <translation>Im Modul ist etwas schiefgegangen. Die Ebene wurde nicht verändert.</translation>
  </message>
  <message>
   <source>Waiting</source>
   <translation>Wartet</translation>
  </message>
  <message>
   <source>Loading the network</source>
   <translation>Lädt das Netz</translation>
  </message>
  <message>
   <source>Painting</source>
   <translation>Malt</translation>
  </message>
  <message>
   <source>Enlarging</source>
   <translation>Vergrößert</translation>
  </message>
  <message>
   <source>Learning</source>
   <translation>Lernt</translation>
  </message>
  <message>
   <source>Comparing with other styles</source>
   <translation>Vergleicht mit anderen Stilen</translation>
  </message>
  <message>
   <source>Measuring</source>
   <translation>Misst</translation>
  </message>
  <message>
   <source>Finishing</source>
   <translation>Wird fertig</translation>
  </message>
  <message>
   <source>Paused</source>
   <translation>Angehalten</translation>
  </message>
  <message>
   <source>Working</source>
   <translation>Arbeitet</translation>
  </message>
  <message>
   <source>Done</source>
   <translation>Fertig</translation>
  </message>
  <message>
   <source>Cancelled</source>
   <translation>Abgebrochen</translation>
  </message>
  <message>
   <source>Failed</source>
   <translation>Fehlgeschlagen</translation>
  </message>
  <message>
   <source>about {n} h left</source>
   <translation>noch etwa {n} Std.</translation>
  </message>
  <message>
   <source>Please report it with a diagnosis.</source>
   <translation>Bitte melden Sie das mit einer Diagnose.</translation>
  </message>
  <message>
   <source>a moment left</source>
   <translation>gleich fertig</translation>
  </message>
  <message>
   <source>about {n} s left</source>
   <translation>noch etwa {n} s</translation>
  </message>
  <message>
   <source>about {n} min left</source>
   <translation>noch etwa {n} min</translation>
  </message>
  <message>
   <source>Style</source>
   <translation>Stil</translation>
  </message>
  <message>
   <source>Strength</source>
   <translation>Stärke</translation>
  </message>
  <message>
   <source>How far the layer turns into the style.</source>
   <translation>Wie weit die Ebene zum Stil wird.</translation>
  </message>
  <message>
   <source>Seed</source>
   <translation>Startwert</translation>
  </message>
  <message>
   <source>The same seed gives the same picture.</source>
   <translation>Derselbe Startwert ergibt dasselbe Bild.</translation>
  </message>
  <message>
   <source>Factor</source>
   <translation>Faktor</translation>
  </message>
  <message>
   <source>How many times wider and higher; 1 cleans up only.</source>
   <translation>Wievielmal breiter und höher; 1 säubert nur.</translation>
  </message>
  <message>
   <source>Model</source>
   <translation>Modell</translation>
  </message>
  <message>
   <source>The network that enlarges.</source>
   <translation>Das Netz, das vergrößert.</translation>
  </message>
  <message>
   <source>Enlarge</source>
   <translation>Vergrößern</translation>
  </message>
  <message>
   <source>What is enlarged, and where it goes.</source>
   <translation>Was vergrößert wird und wohin es kommt.</translation>
  </message>
  <message>
   <source>Layer or selection, as a new layer</source>
   <translation>Ebene oder Auswahl, als neue Ebene</translation>
  </message>
  <message>
   <source>Whole document, as a new document</source>
   <translation>Ganzes Dokument, als neues Dokument</translation>
  </message>
  <message>
   <source>Name</source>
   <translation>Name</translation>
  </message>
  <message>
   <source>Name of the new style.</source>
   <translation>Name des neuen Stils.</translation>
  </message>
  <message>
   <source>Learn from</source>
   <translation>Vorbild</translation>
  </message>
  <message>
   <source>The one picture that shows the style.</source>
   <translation>Das eine Bild, das den Stil zeigt.</translation>
  </message>
  <message>
   <source>Current layer</source>
   <translation>Aktuelle Ebene</translation>
  </message>
  <message>
   <source>Selection</source>
   <translation>Auswahl</translation>
  </message>
  <message>
   <source>Whole document</source>
   <translation>Ganzes Dokument</translation>
  </message>
  <message>
   <source>Picture file</source>
   <translation>Bilddatei</translation>
  </message>
  <message>
   <source>Quality</source>
   <translation>Güte</translation>
  </message>
  <message>
   <source>Longer training gives finer brush marks.</source>
   <translation>Längeres Lernen ergibt feinere Pinselspuren.</translation>
  </message>
  <message>
   <source>Quick</source>
   <translation>Schnell</translation>
  </message>
  <message>
   <source>Standard</source>
   <translation>Normal</translation>
  </message>
  <message>
   <source>Full</source>
   <translation>Gründlich</translation>
  </message>
  <message>
   <source>Style strength</source>
   <translation>Stilgewicht</translation>
  </message>
  <message>
   <source>Weight of the style against the picture's own shapes.</source>
   <translation>Gewicht des Stils gegen die Formen des Bildes.</translation>
  </message>
  <message>
   <source>Stopping</source>
   <translation>Hält an</translation>
  </message>
  <message>
   <source>Settings</source>
   <translation>Einstellungen</translation>
  </message>
  <message>
   <source>Upscale</source>
   <translation>Vergrößern</translation>
  </message>
  <message>
   <source>Train</source>
   <translation>Lernen</translation>
  </message>
  <message>
   <source>Packs</source>
   <translation>Pakete</translation>
  </message>
  <message>
   <source>Jobs</source>
   <translation>Aufträge</translation>
  </message>
  <message>
   <source>{name} ×{factor}, layer {n} of {count}</source>
   <translation>{name} ×{factor}, Ebene {n} von {count}</translation>
  </message>
  <message>
   <source>Faithful to vivid</source>
   <translation>Treu bis lebhaft</translation>
  </message>
  <message>
   <source>To the right more of the model Vivid, which makes texture up.</source>
   <translation>Nach rechts mehr vom Modell Vivid, das Struktur erfindet.</translation>
  </message>
  <message>
   <source>Keep grain</source>
   <translation>Korn behalten</translation>
  </message>
  <message>
   <source>How much of the picture's own grain and noise stays.</source>
   <translation>Wie viel vom Korn und Rauschen des Bildes bleibt.</translation>
  </message>
  <message>
   <source>Eight passes</source>
   <translation>Acht Durchgänge</translation>
  </message>
  <message>
   <source>The mean of eight passes, turned and mirrored: a little better, eight times as long.</source>
   <translation>Das Mittel aus acht Durchgängen, gedreht und gespiegelt: etwas besser, achtmal so lang.</translation>
  </message>
  <message>
   <source>{name}, cleaned up</source>
   <translation>{name}, gesäubert</translation>
  </message>
  <message>
   <source>Document</source>
   <translation>Dokument</translation>
  </message>
  <message>
   <source>Scumble: Apply Last Style</source>
   <translation>Scumble: Letzten Stil anwenden</translation>
  </message>
  <message>
   <source>Scumble: Paint All Frames</source>
   <translation>Scumble: Alle Bilder der Animation malen</translation>
  </message>
  <message>
   <source>{name} on {layer}, frame {n} of {count}</source>
   <translation>{name} auf {layer}, Bild {n} von {count}</translation>
  </message>
  <message>
   <source>&quot;{name}&quot; has no frames: it is no paint layer with at least two keyframes.</source>
   <translation>„{name}“ hat keine Bilder: Es ist keine Malebene mit mindestens zwei Schlüsselbildern.</translation>
  </message>
  <message>
   <source>Choose an animated paint layer, or paint the layer as it is with Apply.</source>
   <translation>Wählen Sie eine animierte Malebene, oder malen Sie die Ebene, wie sie ist, mit „Anwenden“.</translation>
  </message>
  <message>
   <source>Paint all frames of this layer</source>
   <translation>Alle Bilder dieser Ebene malen</translation>
  </message>
  <message>
   <source>Scumble: Preview on the Canvas</source>
   <translation>Scumble: Vorschau auf der Leinwand</translation>
  </message>
  <message>
   <source>Scumble: Upscale Selection</source>
   <translation>Scumble: Auswahl vergrößern</translation>
  </message>
  <message>
   <source>Left out, as they have no pixels of their own: {names}.</source>
   <translation>Weggelassen, da ohne eigene Pixel: {names}.</translation>
  </message>
  <message>
   <source>{name} on {layer}</source>
   <translation>{name} auf {layer}</translation>
  </message>
  <message>
   <source>Learning {name}</source>
   <translation>{name} lernen</translation>
  </message>
  <message>
   <source>{name} can't be read: {error}.</source>
   <translation>{name} ist nicht lesbar: {error}.</translation>
  </message>
  <message>
   <source>Check the folder {folder}.</source>
   <translation>Bitte den Ordner {folder} prüfen.</translation>
  </message>
  <message>
   <source>Choose another file.</source>
   <translation>Bitte eine andere Datei wählen.</translation>
  </message>
  <message>
   <source>Nothing runs and nothing waits.</source>
   <translation>Nichts läuft und nichts wartet.</translation>
  </message>
  <message>
   <source>Style with a network of its own</source>
   <translation>Stil mit eigenem Netz</translation>
  </message>
  <message>
   <source>Upscaler</source>
   <translation>Vergrößerer</translation>
  </message>
  <message>
   <source>Install a pack</source>
   <translation>Paket installieren</translation>
  </message>
  <message>
   <source>Install</source>
   <translation>Installieren</translation>
  </message>
  <message>
   <source>Install …</source>
   <translation>Installieren …</translation>
  </message>
  <message>
   <source>Install a pack from a file. You can also drop the file on this docker.</source>
   <translation>Ein Paket aus einer Datei installieren. Die Datei lässt sich auch auf diesen Dialog ziehen.</translation>
  </message>
  <message>
   <source>Remove</source>
   <translation>Entfernen</translation>
  </message>
  <message>
   <source>Remove "{title}"? Pictures painted with it stay as they are.</source>
   <translation>„{title}“ entfernen? Damit gemalte Bilder bleiben, wie sie sind.</translation>
  </message>
  <message>
   <source>Painting: {painting} ({license})</source>
   <translation>Gemälde: {painting} ({license})</translation>
  </message>
  <message>
   <source>By {authors}</source>
   <translation>Von {authors}</translation>
  </message>
  <message>
   <source>License: {license}</source>
   <translation>Lizenz: {license}</translation>
  </message>
  <message>
   <source>It replaces version {version}.</source>
   <translation>Es ersetzt Version {version}.</translation>
  </message>
  <message>
   <source>Title</source>
   <translation>Titel</translation>
  </message>
  <message>
   <source>License</source>
   <translation>Lizenz</translation>
  </message>
  <message>
   <source>No pack is installed.</source>
   <translation>Kein Paket ist installiert.</translation>
  </message>
  <message>
   <source>It ships with Scumble and can't be removed.</source>
   <translation>Es gehört zu Scumble und lässt sich nicht entfernen.</translation>
  </message>
  <message>
   <source>All files</source>
   <translation>Alle Dateien</translation>
  </message>
  <message>
   <source>Packs and networks</source>
   <translation>Pakete und Netze</translation>
  </message>
  <message>
   <source>Where the networks run. A second card is cuda:1.</source>
   <translation>Wo die Netze laufen. Eine zweite Karte ist cuda:1.</translation>
  </message>
  <message>
   <source>No limit</source>
   <translation>Keine Grenze</translation>
  </message>
  <message>
   <source>Memory for networks that are kept ready.</source>
   <translation>Speicher für Netze, die bereitgehalten werden.</translation>
  </message>
  <message>
   <source>Never</source>
   <translation>Nie</translation>
  </message>
  <message>
   <source>Minutes without a job after which the graphics card is freed.</source>
   <translation>Minuten ohne Auftrag, nach denen die Grafikkarte freigegeben wird.</translation>
  </message>
  <message>
   <source>Open the folder of logs</source>
   <translation>Ordner der Protokolle</translation>
  </message>
  <message>
   <source>Copy a diagnosis</source>
   <translation>Diagnose kopieren</translation>
  </message>
  <message>
   <source>Versions, settings and the last problem, for a bug report. No pictures, no names.</source>
   <translation>Versionen, Einstellungen und das letzte Problem, für eine Fehlermeldung. Keine Bilder, keine Namen.</translation>
  </message>
  <message>
   <source>Device</source>
   <translation>Gerät</translation>
  </message>
  <message>
   <source>Memory budget</source>
   <translation>Speicher</translation>
  </message>
  <message>
   <source>Free the card after</source>
   <translation>Karte freigeben nach</translation>
  </message>
  <message>
   <source>min</source>
   <translation>min</translation>
  </message>
  <message>
   <source>The backend is not connected.</source>
   <translation>Das Backend ist nicht verbunden.</translation>
  </message>
  <message>
   <source>Log: {path}</source>
   <translation>Protokoll: {path}</translation>
  </message>
  <message>
   <source>Backend {version} on {device}. {networks} networks ready, {memory} MB in use.</source>
   <translation>Backend {version} auf {device}. {networks} Netze bereit, {memory} MB belegt.</translation>
  </message>
  <message>
   <source>Backend {version} is starting.</source>
   <translation>Backend {version} wird gestartet.</translation>
  </message>
  <message>
   <source>Search styles</source>
   <translation>Stile suchen</translation>
  </message>
  <message>
   <source>Preview</source>
   <translation>Vorschau</translation>
  </message>
  <message>
   <source>Show the result here while you choose.</source>
   <translation>Das Ergebnis hier zeigen, während gewählt wird.</translation>
  </message>
  <message>
   <source>On canvas</source>
   <translation>Leinwand</translation>
  </message>
  <message>
   <source>Show a detail in its true size, with brush marks as they will be.</source>
   <translation>Einen Ausschnitt in wahrer Größe zeigen, mit den Pinselspuren, wie sie sein werden.</translation>
  </message>
  <message>
   <source>Apply</source>
   <translation>Anwenden</translation>
  </message>
  <message>
   <source>Paint the layer, or the selection on it, into a new layer.</source>
   <translation>Die Ebene, oder die Auswahl darauf, in eine neue Ebene malen.</translation>
  </message>
  <message>
   <source>Painting a preview …</source>
   <translation>Die Vorschau wird gemalt …</translation>
  </message>
  <message>
   <source>Training goes on in the background, even when Krita is closed. The finished style appears under Style.</source>
   <translation>Gelernt wird im Hintergrund, auch wenn Krita geschlossen ist. Der fertige Stil erscheint unter „Stil“.</translation>
  </message>
  <message>
   <source>Name of the new style</source>
   <translation>Name des neuen Stils</translation>
  </message>
  <message>
   <source>Choose a picture</source>
   <translation>Ein Bild wählen</translation>
  </message>
  <message>
   <source>Learn this style</source>
   <translation>Diesen Stil lernen</translation>
  </message>
  <message>
   <source>Picture to learn from</source>
   <translation>Vorbild für den Stil</translation>
  </message>
  <message>
   <source>File: {name}</source>
   <translation>Datei: {name}</translation>
  </message>
  <message>
   <source>Pictures</source>
   <translation>Bilder</translation>
  </message>
  <message>
   <source>Bicubic (no network)</source>
   <translation>Bikubisch (ohne Netz)</translation>
  </message>
  <message>
   <source>No document is open.</source>
   <translation>Kein Dokument ist geöffnet.</translation>
  </message>
  <message>
   <source>No layer is chosen.</source>
   <translation>Keine Ebene ist gewählt.</translation>
  </message>
  <message>
   <source>The layer "{name}" is hidden.</source>
   <translation>Die Ebene „{name}“ ist ausgeblendet.</translation>
  </message>
  <message>
   <source>The layer "{name}" is empty here.</source>
   <translation>Die Ebene „{name}“ ist hier leer.</translation>
  </message>
  <message>
   <source>Nothing is selected.</source>
   <translation>Nichts ist ausgewählt.</translation>
  </message>
  <message>
   <source>The document was closed while Scumble worked on it.</source>
   <translation>Das Dokument wurde geschlossen, während Scumble daran arbeitete.</translation>
  </message>
  <message>
   <source>Krita and Scumble do not agree about the size of the picture ({detail}).</source>
   <translation>Krita und Scumble sind sich über die Größe des Bildes nicht einig ({detail}).</translation>
  </message>
  <message>
   <source>No style is chosen.</source>
   <translation>Kein Stil ist gewählt.</translation>
  </message>
  <message>
   <source>The new style needs a name.</source>
   <translation>Der neue Stil braucht einen Namen.</translation>
  </message>
  <message>
   <source>{name} can't be read as a picture.</source>
   <translation>{name} ist nicht als Bild lesbar.</translation>
  </message>
  <message>
   <source>Open or create one.</source>
   <translation>Bitte eines öffnen oder anlegen.</translation>
  </message>
  <message>
   <source>Choose one in the Layers docker.</source>
   <translation>Bitte im Dialog „Ebenen“ eine wählen.</translation>
  </message>
  <message>
   <source>Show it, or choose another one.</source>
   <translation>Bitte einblenden oder eine andere wählen.</translation>
  </message>
  <message>
   <source>Choose a layer or a selection with something on it.</source>
   <translation>Bitte eine Ebene oder Auswahl wählen, auf der etwas ist.</translation>
  </message>
  <message>
   <source>Select a part of the picture first.</source>
   <translation>Bitte erst einen Teil des Bildes auswählen.</translation>
  </message>
  <message>
   <source>The layer was not changed. Please report it with a diagnosis.</source>
   <translation>Die Ebene wurde nicht verändert. Bitte mit einer Diagnose melden.</translation>
  </message>
  <message>
   <source>Choose one in the Style tab.</source>
   <translation>Bitte einen unter „Stil“ wählen.</translation>
  </message>
  <message>
   <source>Type one in the Train tab.</source>
   <translation>Bitte unter „Lernen“ eintippen.</translation>
  </message>
  <message>
   <source>Choose a PNG or JPEG file.</source>
   <translation>Bitte eine PNG- oder JPEG-Datei wählen.</translation>
  </message>
  <message>
   <source>Other programs:</source>
   <translation>Andere Programme:</translation>
  </message>
  <message>
   <source>Pause</source>
   <translation>Anhalten</translation>
  </message>
  <message>
   <source>Cancel</source>
   <translation>Abbrechen</translation>
  </message>
  <message>
   <source>Go on</source>
   <translation>Weiter</translation>
  </message>
  <message>
   <source>Dismiss</source>
   <translation>Schließen</translation>
  </message>
  <message>
   <source>Try again</source>
   <translation>Erneut versuchen</translation>
  </message>
  <message>
   <source>The backend had ended and was started again.</source>
   <translation>Das Backend hatte sich beendet und wurde neu gestartet.</translation>
  </message>
  <message>
   <source>It happened twice with this job. Try a smaller picture; the backend's log may tell more.</source>
   <translation>Das geschah bei dieser Aufgabe zweimal. Versuchen Sie ein kleineres Bild; im Protokoll des Backends steht vielleicht mehr.</translation>
  </message>
  <message>
   <source>Your choices can't be saved: {error}.</source>
   <translation>Ihre Einstellungen lassen sich nicht speichern: {error}.</translation>
  </message>
  <message>
   <source>The document was closed.</source>
   <translation>Das Dokument wurde geschlossen.</translation>
  </message>
  <message>
   <source>The layer was moved, cropped or turned meanwhile; the result follows it.</source>
   <translation>Die Ebene wurde inzwischen verschoben, beschnitten oder gedreht; das Ergebnis folgt ihr.</translation>
  </message>
  <message>
   <source>The layer was changed meanwhile; the result shows it as it was.</source>
   <translation>Die Ebene wurde inzwischen verändert; das Ergebnis zeigt sie, wie sie war.</translation>
  </message>
  <message>
   <source>The document was scaled meanwhile; the result follows it.</source>
   <translation>Das Dokument wurde inzwischen skaliert; das Ergebnis folgt ihm.</translation>
  </message>
  <message>
   <source>The document was changed meanwhile so that the place is gone: the result is in a document of its own.</source>
   <translation>Das Dokument wurde inzwischen so verändert, dass die Stelle nicht mehr da ist: Das Ergebnis liegt in einem eigenen Dokument.</translation>
  </message>
  <message>
   <source>Nothing of the selection lies on the canvas.</source>
   <translation>Von der Auswahl liegt nichts auf der Leinwand.</translation>
  </message>
  <message>
   <source>Select a part of the picture, or deselect to use the whole layer.</source>
   <translation>Wählen Sie einen Teil des Bildes aus, oder heben Sie die Auswahl auf, um die ganze Ebene zu nehmen.</translation>
  </message>
  <message>
   <source>Show the result over the canvas. It isn't a layer, so it is never saved.</source>
   <translation>Das Ergebnis über der Leinwand zeigen. Es ist keine Ebene und wird nie gespeichert.</translation>
  </message>
  <message>
   <source>Plain pixels now: {names}.</source>
   <translation>Jetzt einfache Pixel: {names}.</translation>
  </message>
  <message>
   <source>Cut off at the edge of the canvas: {names}.</source>
   <translation>Am Rand der Leinwand abgeschnitten: {names}.</translation>
  </message>
  <message>
   <source>Only the current frame of: {names}.</source>
   <translation>Nur das aktuelle Bild von: {names}.</translation>
  </message>
  <message>
   <source>The resolution is still {ppi} ppi, so it prints {factor} times as large.</source>
   <translation>Die Auflösung bleibt bei {ppi} ppi; gedruckt wird es also {factor}-mal so groß.</translation>
  </message>
  <message>
   <source>Faithful to bold</source>
   <translation>Treu bis kühn</translation>
  </message>
  <message>
   <source>How much of the picture's own forms is kept: to the left eyes, lettering and contours stay, to the right the painting's marks take over.</source>
   <translation>Wie viel von den Formen des Bildes bleibt: Links bleiben Augen, Schrift und Umrisse, rechts gewinnen die Pinselspuren des Gemäldes.</translation>
  </message>
  <message>
   <source>Stroke size</source>
   <translation>Strichgröße</translation>
  </message>
  <message>
   <source>Size of the brush marks against the picture, however large it is.</source>
   <translation>Größe der Pinselspuren im Verhältnis zum Bild, wie groß es auch ist.</translation>
  </message>
  <message>
   <source>Stroke size in pixels</source>
   <translation>Strichgröße in Pixeln</translation>
  </message>
  <message>
   <source>Brush marks get the size in pixels that the style learned, times stroke size.</source>
   <translation>Die Pinselspuren bekommen die Größe in Pixeln, die der Stil gelernt hat, mal Strichgröße.</translation>
  </message>
  <message>
   <source>Everywhere</source>
   <translation>Überall</translation>
  </message>
  <message>
   <source>What is left</source>
   <translation>Was übrig bleibt</translation>
  </message>
  <message>
   <source>Light parts</source>
   <translation>Helle Teile</translation>
  </message>
  <message>
   <source>Dark parts</source>
   <translation>Dunkle Teile</translation>
  </message>
  <message>
   <source>Opaque parts</source>
   <translation>Deckende Teile</translation>
  </message>
  <message>
   <source>The style that paints, or a mix of up to four.</source>
   <translation>Der Stil, der malt, oder eine Mischung aus bis zu vieren.</translation>
  </message>
  <message>
   <source>Colors</source>
   <translation>Farben</translation>
  </message>
  <message>
   <source>Whose colors the painted picture has.</source>
   <translation>Wessen Farben das gemalte Bild hat.</translation>
  </message>
  <message>
   <source>As the style paints</source>
   <translation>Farben des Stils</translation>
  </message>
  <message>
   <source>Each place keeps its color</source>
   <translation>Jede Stelle behält ihre Farbe</translation>
  </message>
  <message>
   <source>Palette of the picture</source>
   <translation>Palette des Bildes</translation>
  </message>
  <message>
   <source>Palette of the painting</source>
   <translation>Palette des Gemäldes</translation>
  </message>
  <message>
   <source>Palette alone, no brush marks</source>
   <translation>Nur die Palette, ohne Pinselspuren</translation>
  </message>
  <message>
   <source>{name} (is gone)</source>
   <translation>{name} (gibt es nicht mehr)</translation>
  </message>
  <message>
   <source>Preset</source>
   <translation>Vorlage</translation>
  </message>
  <message>
   <source>There is no mask "{name}" in this document.</source>
   <translation>In diesem Dokument gibt es keine Maske „{name}“.</translation>
  </message>
  <message>
   <source>"{name}" is empty here, so a style would have no place.</source>
   <translation>„{name}“ ist hier leer; ein Stil hätte keinen Platz.</translation>
  </message>
  <message>
   <source>A style has its place in the selection, but nothing is selected.</source>
   <translation>Ein Stil hat seinen Platz in der Auswahl, aber es ist nichts ausgewählt.</translation>
  </message>
  <message>
   <source>Choose another place for the style.</source>
   <translation>Bitte wählen Sie einen anderen Platz für den Stil.</translation>
  </message>
  <message>
   <source>Paint on the mask, or choose another place for the style.</source>
   <translation>Malen Sie auf die Maske oder wählen Sie einen anderen Platz für den Stil.</translation>
  </message>
  <message>
   <source>Select something, or choose another place for the style.</source>
   <translation>Wählen Sie etwas aus, oder wählen Sie einen anderen Platz für den Stil.</translation>
  </message>
  <message>
   <source>On different networks: mixed as pictures, not as one manner.</source>
   <translation>Auf verschiedenen Netzen: Gemischt werden die Bilder, nicht die Malweisen.</translation>
  </message>
  <message>
   <source>Mix in a style</source>
   <translation>Stil beimischen</translation>
  </message>
  <message>
   <source>Up to four styles become one manner; each can have a place of its own.</source>
   <translation>Bis zu vier Stile werden zu einer Malweise; jeder kann einen eigenen Platz haben.</translation>
  </message>
  <message>
   <source>The style that a click on a picture above changes.</source>
   <translation>Der Stil, den ein Klick auf ein Bild oben ändert.</translation>
  </message>
  <message>
   <source>Weight</source>
   <translation>Anteil</translation>
  </message>
  <message>
   <source>How much the style counts against the others.</source>
   <translation>Wie viel der Stil gegenüber den anderen zählt.</translation>
  </message>
  <message>
   <source>Where the style is painted; soft where a mask is soft.</source>
   <translation>Wo der Stil gemalt wird; weich, wo eine Maske weich ist.</translation>
  </message>
  <message>
   <source>Take this style out of the mix.</source>
   <translation>Diesen Stil aus der Mischung nehmen.</translation>
  </message>
  <message>
   <source>Styles</source>
   <translation>Stile</translation>
  </message>
  <message>
   <source>On this picture</source>
   <translation>Auf diesem Bild</translation>
  </message>
  <message>
   <source>Favorites</source>
   <translation>Favoriten</translation>
  </message>
  <message>
   <source>Last used</source>
   <translation>Zuletzt benutzt</translation>
  </message>
  <message>
   <source>Presets</source>
   <translation>Vorlagen</translation>
  </message>
  <message>
   <source>Last results</source>
   <translation>Letzte Ergebnisse</translation>
  </message>
  <message>
   <source>Surprise me</source>
   <translation>Überrasch mich</translation>
  </message>
  <message>
   <source>“{title}” needs styles that aren't installed: {names}.</source>
   <translation>„{title}“ braucht Stile, die nicht installiert sind: {names}.</translation>
  </message>
  <message>
   <source>Install their packs first.</source>
   <translation>Installieren Sie zuerst deren Pakete.</translation>
  </message>
  <message>
   <source>It can't be saved: {error}.</source>
   <translation>Es kann nicht gespeichert werden: {error}.</translation>
  </message>
  <message>
   <source>Check the folder, or choose another one.</source>
   <translation>Prüfen Sie den Ordner, oder wählen Sie einen anderen.</translation>
  </message>
  <message>
   <source>What the pictures below show.</source>
   <translation>Was die Bilder darunter zeigen.</translation>
  </message>
  <message>
   <source>Edit again</source>
   <translation>Neu bearbeiten</translation>
  </message>
  <message>
   <source>Choose what made the current layer. Apply then replaces it; a second click lets it be.</source>
   <translation>Wählt, womit die aktuelle Ebene gemalt wurde. „Ersetzen“ malt sie dann neu; ein zweiter Klick lässt sie, wie sie ist.</translation>
  </message>
  <message>
   <source>Nothing here yet.</source>
   <translation>Hier ist noch nichts.</translation>
  </message>
  <message>
   <source>Replace</source>
   <translation>Ersetzen</translation>
  </message>
  <message>
   <source>"{name}" was not painted by Scumble, or its settings were not kept.</source>
   <translation>„{name}“ wurde nicht von Scumble gemalt, oder die Einstellungen wurden nicht aufbewahrt.</translation>
  </message>
  <message>
   <source>Choose a painted layer.</source>
   <translation>Bitte wählen Sie eine gemalte Ebene.</translation>
  </message>
  <message>
   <source>Save as a preset …</source>
   <translation>Als Vorlage speichern …</translation>
  </message>
  <message>
   <source>Export as a pack …</source>
   <translation>Als Paket exportieren …</translation>
  </message>
  <message>
   <source>Name:</source>
   <translation>Name:</translation>
  </message>
  <message>
   <source>Export as a pack</source>
   <translation>Als Paket exportieren</translation>
  </message>
  <message>
   <source>Take {style} off the favorites</source>
   <translation>{style} aus den Favoriten nehmen</translation>
  </message>
  <message>
   <source>Delete the preset {name}</source>
   <translation>Vorlage {name} löschen</translation>
  </message>
  <message>
   <source>Add {style} to the favorites</source>
   <translation>{style} zu den Favoriten</translation>
  </message>
  <message>
   <source>Turn the wheel to zoom, drag to move, click twice to see all of it.</source>
   <translation>Mausrad zoomt, Ziehen verschiebt, ein Doppelklick zeigt wieder alles.</translation>
  </message>
  <message>
   <source>Compare with the layer as it is: drag the line.</source>
   <translation>Mit der Ebene vergleichen, wie sie ist: die Linie ziehen.</translation>
  </message>
  <message>
   <source>Another seed: the same style with other grain.</source>
   <translation>Ein anderer Startwert: derselbe Stil mit anderer Körnung.</translation>
  </message>
  <message>
   <source>How large the result is to be.</source>
   <translation>Wie groß das Ergebnis werden soll.</translation>
  </message>
  <message>
   <source>Size</source>
   <translation>Größe</translation>
  </message>
  <message>
   <source>%</source>
   <translation>%</translation>
  </message>
  <message>
   <source>pixels wide</source>
   <translation>Pixel breit</translation>
  </message>
  <message>
   <source>pixels high</source>
   <translation>Pixel hoch</translation>
  </message>
  <message>
   <source>cm wide, printed at 300 dpi</source>
   <translation>cm breit, gedruckt mit 300 dpi</translation>
  </message>
  <message>
   <source>cm high, printed at 300 dpi</source>
   <translation>cm hoch, gedruckt mit 300 dpi</translation>
  </message>
  <message>
   <source>took {n} h here</source>
   <translation>dauerte hier {n} Std.</translation>
  </message>
  <message>
   <source>took {n} s here</source>
   <translation>dauerte hier {n} s</translation>
  </message>
  <message>
   <source>took {n} min here</source>
   <translation>dauerte hier {n} Min.</translation>
  </message>
  <message>
   <source>The picture to learn from.</source>
   <translation>Das Bild, von dem gelernt wird.</translation>
  </message>
  <message>
   <source>Nothing to learn from yet.</source>
   <translation>Noch nichts, wovon gelernt werden könnte.</translation>
  </message>
  <message>
   <source>Input</source>
   <translation>Eingabe</translation>
  </message>
  <message>
   <source>What is painted: the layer, or the picture that several make together.</source>
   <translation>Was gemalt wird: die Ebene, oder das Bild, das mehrere zusammen ergeben.</translation>
  </message>
  <message>
   <source>This layer</source>
   <translation>Diese Ebene</translation>
  </message>
  <message>
   <source>This layer and those below</source>
   <translation>Diese Ebene und die darunter</translation>
  </message>
  <message>
   <source>All that is visible</source>
   <translation>Alles Sichtbare</translation>
  </message>
  <message>
   <source>Presets, favorites, and what is needed now and then</source>
   <translation>Vorlagen, Favoriten und was man ab und zu braucht</translation>
  </message>
  <message>
   <source>Photos</source>
   <translation>Fotos</translation>
  </message>
  <message>
   <source>A folder of photos to practice on; with 16 or more the style suits photos.</source>
   <translation>Ein Ordner mit Fotos zum Üben; mit 16 oder mehr passt der Stil zu Fotos.</translation>
  </message>
  <message>
   <source>Do without this folder.</source>
   <translation>Ohne diesen Ordner.</translation>
  </message>
  <message>
   <source>Photos to practice on</source>
   <translation>Fotos zum Üben</translation>
  </message>
  <message>
   <source>Choose a folder …</source>
   <translation>Ordner wählen …</translation>
  </message>
  <message>
   <source>Here it is: paint with it</source>
   <translation>Hier ist er: damit malen</translation>
  </message>
  <message>
   <source>Larger than the {n} × that the network draws: it takes several steps, and fine detail is guessed.</source>
   <translation>Größer als die {n} ×, die das Netz zeichnet: in mehreren Schritten, und Feines wird geraten.</translation>
  </message>
  <message>
   <source>The network draws exactly this size.</source>
   <translation>Das Netz zeichnet genau diese Größe.</translation>
  </message>
  <message>
   <source>The network draws {n} ×, and that is made smaller: crisp.</source>
   <translation>Das Netz zeichnet {n} ×, und das wird verkleinert: scharf.</translation>
  </message>
  <message>
   <source>A plain filter: quick, but edges get soft.</source>
   <translation>Ein einfacher Filter: schnell, aber Kanten werden weich.</translation>
  </message>
  <message>
   <source>.</source>
   <translation>,</translation>
  </message>
  <message>
   <source>en.html</source>
   <translation>de.html</translation>
  </message>
  <message>
   <source>Scumble Manual</source>
   <translation>Scumble-Handbuch</translation>
  </message>
  <message>
   <source>Open the manual</source>
   <translation>Das Handbuch öffnen</translation>
  </message>
  <message>
   <source>{name}: brightness</source>
   <translation>{name}: Helligkeit</translation>
  </message>
  <message>
   <source>{name}: opacity</source>
   <translation>{name}: Deckkraft</translation>
  </message>
  <message>
   <source>Title, painter, year or tag, such as “night”.</source>
   <translation>Titel, Maler, Jahr oder Stichwort, etwa „Nacht“.</translation>
  </message>
  <message>
   <source>The colors that the style learned from its painting.</source>
   <translation>Die Farben, die der Stil aus seinem Gemälde gelernt hat.</translation>
  </message>
  <message>
   <source>Brush marks in light and dark; every place keeps the color it has.</source>
   <translation>Pinselstriche in Hell und Dunkel; jede Stelle behält ihre Farbe.</translation>
  </message>
  <message>
   <source>Painted, then tinted as a whole to the colors of your picture.</source>
   <translation>Gemalt, dann im Ganzen auf die Farben Ihres Bildes getönt.</translation>
  </message>
  <message>
   <source>Painted, then tinted as a whole to the colors of the painting.</source>
   <translation>Gemalt, dann im Ganzen auf die Farben des Gemäldes getönt.</translation>
  </message>
  <message>
   <source>Your picture tinted to the colors of the painting, and nothing painted.</source>
   <translation>Ihr Bild, auf die Farben des Gemäldes getönt; gemalt wird nichts.</translation>
  </message>
  <message>
   <source>Japan</source>
   <translation>Japan</translation>
  </message>
  <message>
   <source>abstract</source>
   <translation>abstrakt</translation>
  </message>
  <message>
   <source>black and white</source>
   <translation>schwarz-weiß</translation>
  </message>
  <message>
   <source>bright</source>
   <translation>hell</translation>
  </message>
  <message>
   <source>colorful</source>
   <translation>bunt</translation>
  </message>
  <message>
   <source>cubism</source>
   <translation>Kubismus</translation>
  </message>
  <message>
   <source>curves</source>
   <translation>Schwünge</translation>
  </message>
  <message>
   <source>dark</source>
   <translation>dunkel</translation>
  </message>
  <message>
   <source>dots</source>
   <translation>Punkte</translation>
  </message>
  <message>
   <source>engraving</source>
   <translation>Stich</translation>
  </message>
  <message>
   <source>expressionism</source>
   <translation>Expressionismus</translation>
  </message>
  <message>
   <source>figures</source>
   <translation>Figuren</translation>
  </message>
  <message>
   <source>gold</source>
   <translation>Gold</translation>
  </message>
  <message>
   <source>impressionism</source>
   <translation>Impressionismus</translation>
  </message>
  <message>
   <source>landscape</source>
   <translation>Landschaft</translation>
  </message>
  <message>
   <source>lines</source>
   <translation>Linien</translation>
  </message>
  <message>
   <source>night</source>
   <translation>Nacht</translation>
  </message>
  <message>
   <source>oil</source>
   <translation>Öl</translation>
  </message>
  <message>
   <source>ornament</source>
   <translation>Ornament</translation>
  </message>
  <message>
   <source>pastel</source>
   <translation>Pastell</translation>
  </message>
  <message>
   <source>pattern</source>
   <translation>Muster</translation>
  </message>
  <message>
   <source>portrait</source>
   <translation>Porträt</translation>
  </message>
  <message>
   <source>sea</source>
   <translation>Meer</translation>
  </message>
  <message>
   <source>town</source>
   <translation>Stadt</translation>
  </message>
  <message>
   <source>warm</source>
   <translation>warm</translation>
  </message>
  <message>
   <source>woodcut</source>
   <translation>Holzschnitt</translation>
  </message>
  <message>
   <source>There is no layer "{name}" in this document.</source>
   <translation>In diesem Dokument gibt es keine Ebene „{name}“.</translation>
  </message>
  <message>
   <source>Enlarges with the least error: invents nothing, sharpens what is there.</source>
   <translation>Vergrößert mit dem kleinsten Fehler: erfindet nichts, schärft, was da ist.</translation>
  </message>
  <message>
   <source>Enlarges with the least error; the model `faithful` takes it for small factors.</source>
   <translation>Vergrößert mit dem kleinsten Fehler; das Modell „faithful“ nimmt es für kleine Faktoren.</translation>
  </message>
  <message>
   <source>About a quarter of the work of Faithful, and a little softer.</source>
   <translation>Etwa ein Viertel der Arbeit von Faithful, und etwas weicher.</translation>
  </message>
  <message>
   <source>Enlarges drawings, lettering, flat color and brushwork with clean edges.</source>
   <translation>Vergrößert Zeichnungen, Schrift, Farbflächen und Pinselarbeit mit sauberen Kanten.</translation>
  </message>
  <message>
   <source>Looks sharper than it knows: texture is made up. Forgives blur, noise and JPEG.</source>
   <translation>Sieht schärfer aus, als es weiß: Struktur ist erfunden. Verzeiht Unschärfe, Rauschen und JPEG.</translation>
  </message>
 </context>
</TS>
