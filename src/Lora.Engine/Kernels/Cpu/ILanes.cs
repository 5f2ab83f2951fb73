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

    static abstract TSelf SquareRoot(TSelf value);

    static abstract TSelf Smaller(TSelf left, TSelf right);

    static abstract TSelf Larger(TSelf left, TSelf right);

    /// <summary>left · right + addend, rounded once.</summary>
    static abstract TSelf Fused(TSelf left, TSelf right, TSelf addend);

    /// <summary>The value where a number is at least a bound, zero elsewhere.</summary>
    static abstract TSelf WhereAtLeast(TSelf value, TSelf number, TSelf bound);

    /// <summary>
    /// Numbers from 0 to below 1 that hang on the seed and on their places first, first + 1, ... alone: two rounds of Wellons' lowbias32, an
    /// integer hash without visible bias, the first with the seed's lower half, the second with its upper half.
    /// </summary>
    static abstract TSelf Uniform(uint first, ulong seed);

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
