using System.Globalization;

namespace Lora.Selection;

/// <summary>The capturing groups of a pattern, numbered as Python does: by their opening parenthesis, named or not.</summary>
internal sealed class PatternGroups(PatternCursor cursor)
{
    private readonly Dictionary<string, int> names = new(StringComparer.Ordinal);
    private readonly List<PatternWidth?> widths = [];
    private int expected;

    public int Count => widths.Count;

    public int Open(string? name)
    {
        // No width until the group is closed: that is how a reference from within itself is found.
        widths.Add(null);
        if (name is not null && !names.TryAdd(CheckName(name), Count))
        {
            throw cursor.Error($"the group '{name}' occurs twice");
        }

        return Count;
    }

    public void Close(int group, PatternWidth width) => widths[group - 1] = width;

    public PatternWidth WidthOf(int group)
    {
        if (group < 1 || group > Count)
        {
            throw cursor.Error($"there is no group {group} before the reference to it");
        }

        return widths[group - 1] ?? throw cursor.Error($"the group {group} refers to itself");
    }

    public int Find(string name) =>
        names.TryGetValue(CheckName(name), out int group) ? group : throw cursor.Error($"there is no group '{name}' before the reference to it");

    /// <summary>The group that a condition asks for, by its name or number; a number may be that of a group that comes later.</summary>
    public int FindCondition(string reference)
    {
        int group = int.TryParse(reference, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : Find(reference);
        if (group > Count)
        {
            expected = Math.Max(expected, group);
        }
        else
        {
            WidthOf(group);
        }

        return group;
    }

    /// <summary>Whether every group has come that a condition asked for.</summary>
    public void CheckExpected()
    {
        if (expected > Count)
        {
            throw cursor.Error($"there is no group {expected}");
        }
    }

    private string CheckName(string name) =>
        name.Length > 0 && !char.IsDigit(name[0]) && name.All(c => char.IsLetterOrDigit(c) || c == '_')
            ? name
            : throw cursor.Error($"'{name}' is no name for a group");
}
