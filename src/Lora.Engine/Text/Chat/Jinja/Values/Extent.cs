namespace Lora.Text.Jinja;

/// <summary>How deep and heavy a collection may be, and what all collections refuse.</summary>
internal static class Extent
{
    private const int MostDepth = 100;

    public static (int Depth, long Weight) Of(IEnumerable<Value> members)
    {
        int depth = 0;
        long weight = 1;
        foreach (Value member in members)
        {
            depth = Math.Max(depth, member.Depth + 1);
            weight += member.Weight;
        }

        return depth > MostDepth ? throw new JinjaFailure($"its values stand more than {MostDepth} deep in each other")
            : weight > Budget.MostWeight ? throw new JinjaFailure($"it makes a list or dict of more than {Budget.MostWeight} values")
            : (depth, weight);
    }

    /// <summary>A method that changes what it belongs to: it may be named, and not called.</summary>
    public static UndefinedValue Unsafe(Value owner, string name) => new($"access to attribute '{name}' of '{owner.TypeName}' object is unsafe.");
}
