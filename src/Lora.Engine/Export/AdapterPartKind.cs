using Lora.Adapters;

namespace Lora.Export;

/// <summary>What a tensor of an adapter is to its module.</summary>
internal enum AdapterPartKind
{
    /// <summary>A or B, which stand together as a <see cref="FactorPair"/>.</summary>
    Factor,

    /// <summary>The bias of B.</summary>
    FactorBias,

    /// <summary>DoRA's magnitude m.</summary>
    Magnitude,

    /// <summary>Rows of the weight, one for each of some tokens.</summary>
    Rows,

    /// <summary>A parameter of the module itself, trained whole.</summary>
    Whole,
}
