namespace Lora.Selection;

/// <summary>Reads <c>[...]</c>.</summary>
internal static class PatternBrackets
{
    private const string Unterminated = "a [ is not closed";

    /// <summary>Reads up to the closing bracket; the opening one is read already.</summary>
    public static PatternSet Read(PatternCursor cursor, bool ascii, PatternCase? fold)
    {
        bool isNegated = cursor.Accept('^');
        List<(int From, int To)> ranges = [];
        List<char> classes = [];
        bool first = true;
        // A ] in the first place is a member.
        while (first || !cursor.Accept(']'))
        {
            first = false;
            PatternEscape low = Member(cursor);
            if (!cursor.Accept('-'))
            {
                Add(low);
            }
            else if (cursor.Accept(']'))
            {
                Add(low);
                Add(new('-'));
                break;
            }
            else
            {
                ranges.Add(Range(cursor, low, Member(cursor)));
            }
        }

        return PatternSet.OfRanges(ranges, classes, isNegated, ascii, fold);

        void Add(PatternEscape member)
        {
            if (member.Class is char letter)
            {
                classes.Add(letter);
            }
            else
            {
                ranges.Add((member.Character!.Value, member.Character.Value));
            }
        }
    }

    private static PatternEscape Member(PatternCursor cursor)
    {
        int character = cursor.Next(Unterminated);
        return character == '\\' ? PatternEscape.ReadInBrackets(cursor) : new(character);
    }

    private static (int From, int To) Range(PatternCursor cursor, PatternEscape low, PatternEscape high) =>
        low.Character is int from && high.Character is int to && from <= to
            ? (from, to)
            : throw cursor.Error(string.Join("; ", ["a range within [ ] is not one character to a later one", .. NumberRange.Explain(cursor.Shown).Take(1)]));
}
