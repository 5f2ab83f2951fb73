using System.Runtime.ExceptionServices;

namespace Lora.Text.Jinja;

/// <summary>Python's ==, &lt;, in and hash().</summary>
internal static class Comparison
{
    /// <summary>Values compared in the time of one step.</summary>
    public const int WeightPerStep = 32;

    public static bool AreEqual(Value left, Value right)
    {
        if (Numbers.Is(left) && Numbers.Is(right))
        {
            return left is FloatValue || right is FloatValue ? Numbers.Float(left).Equals(Numbers.Float(right)) : Numbers.Integer(left) == Numbers.Integer(right);
        }

        return (left, right) switch
        {
            (TextValue one, TextValue other) => one.Text == other.Text,
            (UndefinedValue, UndefinedValue) => true,
            // To Python no list equals a tuple, whatever they hold.
            (ListValue one, ListValue other) => one.Kind == other.Kind && one.Members.Count == other.Members.Count
                && one.Members.Zip(other.Members).All(pair => AreEqual(pair.First, pair.Second)),
            (MapValue one, MapValue other) => one.Pairs.Count == other.Pairs.Count
                && one.Pairs.All(pair => other.Item(pair.Key) is Value value && AreEqual(pair.Value, value)),
            _ => ReferenceEquals(left, right),
        };
    }

    /// <summary>Below 0, 0 or above 0.</summary>
    /// <exception cref="JinjaFailure">The kinds have no order.</exception>
    public static int Compare(Value left, Value right)
    {
        if (Numbers.Is(left) && Numbers.Is(right))
        {
            return left is FloatValue || right is FloatValue ? Numbers.Float(left).CompareTo(Numbers.Float(right)) : Numbers.Integer(left).CompareTo(Numbers.Integer(right));
        }

        return (left, right) switch
        {
            (TextValue one, TextValue other) => CompareTexts(one.Text, other.Text),
            (ListValue one, ListValue other) when one.Kind == other.Kind => CompareLists(one, other),
            (UndefinedValue undefined, _) => throw new JinjaFailure(undefined.Reason),
            (_, UndefinedValue undefined) => throw new JinjaFailure(undefined.Reason),
            _ => throw new JinjaFailure($"'{left.TypeName}' and '{right.TypeName}' have no order"),
        };
    }

    /// <summary>The order, counted.</summary>
    public static int Compare(Value left, Value right, Budget budget)
    {
        budget.Charge(1 + (Math.Min(left.Weight, right.Weight) / WeightPerStep));
        return Compare(left, right);
    }

    /// <summary>Members in the order of their keys. Stable both ways, as Python's sort: equal members keep their order in a reversed one too.</summary>
    public static List<T> Sorted<T>(IEnumerable<T> members, Func<T, Value> key, bool isReversed, Budget budget)
    {
        Comparer<Value> order = Comparer<Value>.Create((left, right) => Compare(left, right, budget));
        try
        {
            return [.. isReversed ? members.OrderByDescending(key, order) : members.OrderBy(key, order)];
        }
        // .NET's sort wraps what a comparison throws.
        catch (InvalidOperationException exception) when (exception.InnerException is JinjaFailure or OperationCanceledException)
        {
            ExceptionDispatchInfo.Throw(exception.InnerException);
            throw;
        }
    }

    public static bool Contains(Value container, Value member, Budget budget)
    {
        budget.Read(container);
        switch (container)
        {
            case TextValue text:
                return member is TextValue part
                    ? text.Text.Contains(part.Text, StringComparison.Ordinal)
                    : throw new JinjaFailure($"'in <string>' requires string as left operand, not {member.TypeName}");
            case MapValue map:
                return map.Has(member);
            default:
                return container.Items().Any(item =>
                {
                    budget.Charge(1 + (item.Weight / WeightPerStep));
                    return AreEqual(item, member);
                });
        }
    }

    /// <summary>By code point: UTF-16 would put what is beyond U+FFFF before U+E000.</summary>
    private static int CompareTexts(string left, string right)
    {
        int common = left.AsSpan().CommonPrefixLength(right);
        if (common == left.Length || common == right.Length)
        {
            return left.Length.CompareTo(right.Length);
        }

        (char one, char other) = (left[common], right[common]);
        return char.IsSurrogate(one) == char.IsSurrogate(other) ? one.CompareTo(other) : char.IsSurrogate(one) ? 1 : -1;
    }

    private static int CompareLists(ListValue left, ListValue right)
    {
        foreach ((Value one, Value other) in left.Members.Zip(right.Members))
        {
            if (!AreEqual(one, other))
            {
                return Compare(one, other);
            }
        }

        return left.Members.Count.CompareTo(right.Members.Count);
    }
}

/// <summary>Keys of dicts: texts, numbers, true, false, None and tuples of them.</summary>
internal sealed class HashComparer : IEqualityComparer<Value>
{
    public static readonly HashComparer Instance = new();

    public bool Equals(Value? x, Value? y) => Comparison.AreEqual(x!, y!);

    public int GetHashCode(Value obj) => obj switch
    {
        TextValue text => string.GetHashCode(text.Text, StringComparison.Ordinal),
        // 1, 1.0 and True are equal, so they must have one hash.
        _ when Numbers.Is(obj) => Numbers.Float(obj).GetHashCode(),
        ListValue { Kind: ListKind.Tuple } tuple => tuple.Members.Aggregate(0, (hash, member) => HashCode.Combine(hash, GetHashCode(member))),
        ListValue or MapValue => throw new JinjaFailure($"unhashable type: '{obj.TypeName}'"),
        UndefinedValue => 0,
        _ => System.Runtime.CompilerServices.RuntimeHelpers.GetHashCode(obj),
    };
}
