using static TorchSharp.torch;

namespace Lora.Adapters;

/// <summary>
/// Something trainable at one module. While it is attached the module's output is changed, so the base module keeps its weights and its place;
/// merging writes what it amounts to into the base weights instead.
/// </summary>
internal abstract class AdaptedLayer : IDisposable
{
    /// <param name="name">The dotted name of the base module, or of the parameter of it that is adapted.</param>
    /// <param name="baseLayer">The base module.</param>
    protected AdaptedLayer(string name, nn.Module baseLayer)
    {
        Name = name;
        BaseLayer = baseLayer;
        Module = AdaptedModule.Of(baseLayer);

        // Layers of a module are summed in this order, however they are switched: sums of floats hang on their order.
        Number = Module.NextNumber();
    }

    /// <summary>The dotted name of what is adapted.</summary>
    public string Name { get; }

    /// <summary>The dotted name of the base module.</summary>
    public virtual string ModuleName => Name;

    /// <summary>The name by which it is switched: that of the layer whose values it has, where it has none of its own.</summary>
    public virtual string SwitchName => Name;

    /// <summary>The module that is adapted.</summary>
    public nn.Module BaseLayer { get; }

    /// <summary>The module with all that is on it, of other adapters too.</summary>
    public AdaptedModule Module { get; }

    /// <summary>Its place among the module's layers.</summary>
    public int Number { get; }

    /// <summary>Whether the base module's output is adapted.</summary>
    public bool IsAttached => Module.IsOn(this);

    /// <summary>Whether a forward ever came through here; a model that calls its modules' <c>forward</c> instead of <c>call</c> passes by.</summary>
    public bool WasReached { get; private set; }

    /// <summary>The base module's parameters that it changes.</summary>
    public abstract IReadOnlyList<string> ChangedParameters { get; }

    /// <summary>Whether it has values of its own in place of the parameters, rather than something to add to them.</summary>
    public virtual bool TakesPlace => false;

    /// <summary>Whether the parameters hold what they are with its change while it is attached; what is merged into them cannot be beside it.</summary>
    public virtual bool HoldsParameter => false;

    /// <summary>Tensors that an adapter's file has beside those that are trained, since PEFT writes values that two modules share for each of them.</summary>
    public virtual IEnumerable<(string Key, Tensor Value)> Repeats => [];

    /// <summary>Sets the values that training starts from.</summary>
    public abstract void Initialize(Generator generator);

    /// <summary>What merging adds to the base module's parameters.</summary>
    public abstract IEnumerable<WeightChange> Changes();

    /// <summary>Adapts the base module's output from now on.</summary>
    public virtual void Attach() => Module.Add(this);

    /// <summary>Takes its change off the base module's output.</summary>
    public virtual void Detach() => Module.Remove(this);

    /// <summary>The change for an input and the base module's output, float32; null for none.</summary>
    public Tensor? Change(Tensor input, Tensor output)
    {
        Reach();
        return ChangeOf(input, output);
    }

    /// <summary>Notes that a forward came through.</summary>
    public void Reach() => WasReached = true;

    /// <summary>Adds gradients that were taken in the base's dtype to the float32 ones of the run; called after each backward.</summary>
    public virtual void GatherGradients()
    {
    }

    /// <inheritdoc/>
    public virtual void Dispose() => Detach();

    /// <inheritdoc cref="Change"/>
    protected abstract Tensor? ChangeOf(Tensor input, Tensor output);
}
