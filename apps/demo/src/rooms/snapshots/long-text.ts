/** A story in the manner of those that the models here have learned. */
export const LONG_TEXT = `Once there was a retired owl called Ralph, who lived at the edge of the forest. "Crumbs and noodles!" was what Ralph said about everything. Ralph ate nothing but soup.
Ralph shared his breakfast with Flora, a clumsy teacher. Flora was known for saying "Fiddles and turnips!" at the wrong moment.
Next door lived Willa, a lonely accountant. For breakfast Willa had rice, and for dinner she had rice again.
Ralph wanted Willa's yellow violin very much. "You may have the yellow violin," said Willa, "but only for the golden kite." Ralph ran to Flora to ask for the golden kite. "My golden kite for the borrowed bucket," said Flora. "That is my last word."
The borrowed bucket? Ralph happened to have just that under his hat. Ralph gave the borrowed bucket to Flora and got the golden kite. "Here is the golden kite," said Ralph. Willa nodded and brought the yellow violin. At last Ralph held the yellow violin. It was smaller than expected.
On Sunday, Ralph went to the castle with two coins. Willa was selling candles. "Only one coin each!" cried Willa. "I will take two," said Ralph. "Then I get two coins," said Willa. Ralph had no money left.
Nobody spoke of it again, except on holidays.`;
