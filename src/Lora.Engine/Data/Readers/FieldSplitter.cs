using System.Text;

namespace Lora.Data;

/// <summary>Splits lines into fields as RFC 4180 says: a field in quotes may hold the delimiter, line ends and doubled quotes. Nothing is trimmed.</summary>
/// <param name="delimiter">What stands between fields.</param>
internal sealed class FieldSplitter(char delimiter)
{
    private readonly List<string> fields = [];
    private readonly StringBuilder field = new();
    private Place place;

    private enum Place
    {
        Start,
        Plain,
        Quoted,
        AfterQuotes,
    }

    /// <summary>Adds a line without its LF, and gives the record's fields where it ends there; null where a quote is still open.</summary>
    /// <exception cref="FormatException">Something follows a closing quote.</exception>
    public string[]? Add(string line)
    {
        for (int at = 0; at < line.Length; at++)
        {
            bool isReturn = line[at] == '\r' && at == line.Length - 1;
            if (place == Place.Quoted || !isReturn)
            {
                Add(line[at]);
            }
        }

        if (place == Place.Quoted)
        {
            field.Append('\n');
            return null;
        }

        EndField();
        string[] record = [.. fields];
        fields.Clear();
        return record;
    }

    private void Add(char letter)
    {
        switch (place)
        {
            case Place.Quoted when letter == '"':
                place = Place.AfterQuotes;
                break;
            case Place.AfterQuotes when letter == '"':
                field.Append('"');
                place = Place.Quoted;
                break;
            case Place.Start when letter == '"':
                place = Place.Quoted;
                break;
            case Place.Start or Place.Plain or Place.AfterQuotes when letter == delimiter:
                EndField();
                break;
            case Place.AfterQuotes:
                EndField();
                fields.Clear();
                throw new FormatException("something follows the closing quote of a field");
            default:
                field.Append(letter);
                place = place == Place.Quoted ? Place.Quoted : Place.Plain;
                break;
        }
    }

    private void EndField()
    {
        fields.Add(field.ToString());
        field.Clear();
        place = Place.Start;
    }
}
