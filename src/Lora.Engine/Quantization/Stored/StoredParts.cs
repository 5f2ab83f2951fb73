using Lora.Checkpoints;

namespace Lora.Quantization;

/// <summary>The tensors that one weight is stored as, asked for by name with the dtype and shape that its form gives them.</summary>
/// <param name="name">The weight's name in the model, for messages.</param>
/// <param name="scheme">The form, for messages.</param>
/// <param name="tensors">The tensors of its module by what follows the module's name: <c>qweight</c>, <c>weight.absmax</c>.</param>
/// <param name="stated">What config.json says of the quantisation; null when it says nothing.</param>
/// <param name="checkpoint">Where they lie.</param>
internal sealed class StoredParts(string name, string scheme, IReadOnlyDictionary<string, TensorInfo> tensors, StatedQuantization? stated, Checkpoint checkpoint)
{
    /// <summary>Dtypes of scales.</summary>
    public static readonly TensorDataType[] Floats = [TensorDataType.F32, TensorDataType.F16, TensorDataType.BF16, TensorDataType.F8E8M0];

    /// <summary>Dtypes of codes that are packed into words of 32 bits.</summary>
    public static readonly TensorDataType[] Words = [TensorDataType.I32, TensorDataType.U32];

    /// <summary>Dtypes of indices and shapes.</summary>
    public static readonly TensorDataType[] Integers = [TensorDataType.I32, TensorDataType.I64];

    private const string Bias = "bias";

    // What scales activations, caches and whole layers' inputs: a run in 16 bits does not quantise those.
    private static readonly HashSet<string> OfActivations =
        ["input_scale", "input_zero_point", "input_global_scale", "input_scale_ub", "activation_scale_ub", "output_scale", "q_scale", "k_scale", "v_scale", Bias];

    private readonly HashSet<TensorInfo> used = [];

    /// <summary>What config.json says of the quantisation; null when it says nothing.</summary>
    public StatedQuantization? Stated => stated;

    /// <summary>Where they lie.</summary>
    public Checkpoint Checkpoint => checkpoint;

    /// <summary>All of them but the bias, which is a tensor by itself.</summary>
    public IEnumerable<TensorInfo> All => tensors.Where(part => part.Key != Bias).Select(part => part.Value);

    /// <summary>The bytes of the tensors that were asked for.</summary>
    public long Length => used.Sum(tensor => tensor.Length);

    /// <summary>The names of the tensors in the module.</summary>
    public IEnumerable<string> Names => tensors.Keys;

    /// <summary>Whether there is a tensor of that name.</summary>
    public bool Has(string part) => tensors.ContainsKey(part);

    /// <summary>The tensor of that name.</summary>
    /// <param name="part">Its name in the module.</param>
    /// <param name="types">The dtypes that it may have; none for any.</param>
    /// <param name="shape">Its shape, null where any size will do.</param>
    /// <exception cref="LoraException">QuantizedWeightInvalid: it is not there, or has another dtype or shape.</exception>
    public TensorInfo Need(string part, TensorDataType[] types, params ReadOnlySpan<long?> shape)
    {
        TensorInfo tensor = Any(part, types);
        bool fits = tensor.Shape.Length == shape.Length;
        for (int axis = 0; fits && axis < shape.Length; axis++)
        {
            // A size of 0 holds no values, whatever was asked for; all that follows divides by sizes.
            fits = tensor.Shape[axis] > 0 && (shape[axis] is null || shape[axis] == tensor.Shape[axis]);
        }

        return fits ? tensor : throw Invalid($"its {part} has the shape [{string.Join(", ", tensor.Shape)}]; expected is [{Text(shape)}]");
    }

    /// <summary>The tensor of that name, of any shape that is not empty.</summary>
    public TensorInfo Any(string part, TensorDataType[] types)
    {
        if (!tensors.TryGetValue(part, out TensorInfo? tensor))
        {
            throw Invalid($"it lacks {part}");
        }

        if (types.Length > 0 && !types.Contains(tensor.DataType))
        {
            throw Invalid($"its {part} is {tensor.DataType.ToName()}; expected is {string.Join(" or ", types.Select(type => type.ToName()))}");
        }

        if (tensor.ElementCount == 0)
        {
            throw Invalid($"its {part} is empty");
        }

        used.Add(tensor);
        return tensor;
    }

    /// <summary>Refuses tensors that were not asked for: a part that nobody reads would change the values.</summary>
    /// <exception cref="LoraException">QuantizedWeightInvalid.</exception>
    public void RefuseOthers()
    {
        if (tensors.FirstOrDefault(part => !used.Contains(part.Value) && !OfActivations.Contains(part.Key)).Key is string other)
        {
            throw Invalid($"it has a part {other}, which this form does not have");
        }
    }

    /// <summary>The failure of a form that is not what it should be.</summary>
    /// <param name="reason">A clause without a full stop.</param>
    public LoraException Invalid(string reason) => LoraException.Of(LoraError.QuantizedWeightInvalid, name, name, scheme, reason);

    private static string Text(ReadOnlySpan<long?> shape)
    {
        string[] sizes = new string[shape.Length];
        for (int axis = 0; axis < shape.Length; axis++)
        {
            sizes[axis] = shape[axis]?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "*";
        }

        return string.Join(", ", sizes);
    }
}
