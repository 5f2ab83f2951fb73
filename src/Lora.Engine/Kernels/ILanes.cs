namespace Lora.Kernels;

/// <summary>A vector of float32 values that one instruction works on.</summary>
internal unsafe interface ILanes<TSelf>
    where TSelf : unmanaged, ILanes<TSelf>
{
    /// <summary>How many values.</summary>
    static abstract int Count { get; }

    static abstract TSelf All(float value);

    static abstract TSelf LoadSingle(float* source);

    /// <summary>Widens bfloat16 values, the upper halves of float32.</summary>
    static abstract TSelf LoadBrain(ushort* source);

    /// <summary>2ⁿ of whole numbers n from -126 to 127.</summary>
    static abstract TSelf PowerOfTwo(TSelf exponent);

    static abstract TSelf Round(TSelf value);

    static abstract TSelf Smaller(TSelf left, TSelf right);

    static abstract TSelf Larger(TSelf left, TSelf right);

    /// <summary>left · right + addend, rounded once.</summary>
    static abstract TSelf Fused(TSelf left, TSelf right, TSelf addend);

    static abstract TSelf operator +(TSelf left, TSelf right);

    static abstract TSelf operator -(TSelf left, TSelf right);

    static abstract TSelf operator *(TSelf left, TSelf right);

    static abstract TSelf operator /(TSelf left, TSelf right);

    void StoreSingle(float* destination);

    /// <summary>Rounds to bfloat16, ties to even.</summary>
    void StoreBrain(ushort* destination);

    float Sum();

    float Largest();
}
