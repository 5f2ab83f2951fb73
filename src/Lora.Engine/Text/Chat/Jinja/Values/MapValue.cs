namespace Lora.Text.Jinja;

/// <summary>Python's dict: keys in the order in which they came; 1, 1.0 and True are one key.</summary>
internal sealed class MapValue : Value
{
    public static readonly MapValue Empty = new([]);

    private static readonly HashSet<string> Changing = ["clear", "pop", "popitem", "setdefault", "update"];

    private readonly Dictionary<Value, int> places = new(HashComparer.Instance);
    private readonly List<KeyValuePair<Value, Value>> pairs = [];

    public MapValue(IEnumerable<KeyValuePair<Value, Value>> members)
    {
        foreach (KeyValuePair<Value, Value> pair in members)
        {
            if (places.TryAdd(pair.Key, pairs.Count))
            {
                pairs.Add(pair);
            }
            else
            {
                // Python keeps the key that came first, and the value that came last.
                int place = places[pair.Key];
                pairs[place] = new(pairs[place].Key, pair.Value);
            }
        }

        (Depth, Weight) = Extent.Of(pairs.SelectMany(pair => new[] { pair.Key, pair.Value }));
    }

    public IReadOnlyList<KeyValuePair<Value, Value>> Pairs => pairs;

    public override string TypeName => "dict";

    public override bool IsTrue => pairs.Count > 0;

    public override int Depth { get; }

    public override long Weight { get; }

    public override int Size => pairs.Count;

    public override IEnumerable<Value> Items() => pairs.Select(pair => pair.Key);

    public Value? Find(string name) => Item(new TextValue(name));

    public bool Has(Value key) => places.ContainsKey(key);

    public override Value? Item(Value key) => places.TryGetValue(key, out int place) ? pairs[place].Value : null;

    /// <summary>A dict's methods, found before its keys where a dot asks.</summary>
    public override Value? Attribute(string name) => name switch
    {
        "items" => new FunctionValue(name, arguments => View(arguments, pairs.Select(pair => Pair(pair)), ListKind.Items)),
        "keys" => new FunctionValue(name, arguments => View(arguments, Items(), ListKind.Keys)),
        "values" => new FunctionValue(name, arguments => View(arguments, pairs.Select(pair => pair.Value), ListKind.Values)),
        "get" => new FunctionValue(name, arguments => Item(arguments.Required(0, "key")) ?? arguments.Optional(1, "default") ?? NoneValue.Instance),
        "copy" => new FunctionValue(name, _ => this),
        _ => Changing.Contains(name) ? Extent.Unsafe(this, name) : null,
    };

    public static ListValue Pair(KeyValuePair<Value, Value> pair) => new([pair.Key, pair.Value], ListKind.Tuple);

    private ListValue View(Arguments arguments, IEnumerable<Value> members, ListKind kind)
    {
        arguments.Budget.Charge(pairs.Count);
        return new ListValue([.. members], kind);
    }
}
